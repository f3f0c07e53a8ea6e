"""How good a classifier's answers are. Everything is a NumPy array: scores (N, C), labels and predictions (N)."""

from typing import NamedTuple

import numpy as np

import tensorgrad as tg


class Confusion(NamedTuple):
    """A class that was taken for another, and how often."""

    actual: int
    predicted: int
    times: int


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """The share of rows whose largest score (the first, on ties) is at their label: 0 to 1. Raises ShapeError."""
    if scores.ndim != 2 or not len(scores) or labels.shape != scores.shape[:1]:
        raise tg.ShapeError(f"accuracy: scores must be (N, C) and labels (N), got {scores.shape} and {labels.shape}")
    return float((scores.argmax(1) == labels).mean())


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    """How often each class (row) was taken for each (column): (classes, classes), int64.

    Raises ShapeError when the two differ in shape, DTypeError when one is not of integers, LabelError when a number is
    not from 0 to classes - 1.
    """
    if labels.ndim != 1 or labels.shape != predictions.shape:
        raise tg.ShapeError(
            f"confusion_matrix: labels and predictions must be (N), got {labels.shape} and {predictions.shape}"
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.dtype.kind not in "iu":
            raise tg.DTypeError(f"confusion_matrix: {name} has dtype {values.dtype}, classes are integers")
        if values.size and not 0 <= values.min() <= values.max() < classes:
            wrong = values[(values < 0) | (values >= classes)][0]
            raise tg.LabelError(f"confusion_matrix: {name} holds {wrong}, expected 0 to {classes - 1}")
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def most_confused(matrix: np.ndarray) -> Confusion | None:
    """The mistake that a confusion matrix counts most often (the first in reading order, on ties); None without any."""
    mistakes = matrix - np.diag(np.diag(matrix))
    if not mistakes.any():
        return None
    actual, predicted = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return Confusion(int(actual), int(predicted), int(mistakes[actual, predicted]))
