"""The numbers of a training by their names, brought together for a picture."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import tensorgrad as tg

History = Sequence[Mapping[str, Any]] | Mapping[str, Sequence[Any]]

PARTS = ("train", "test", "val", "valid", "validation", "eval", "dev")  # of the data, in names such as "train_loss"
TIMES = ("epoch", "step", "iteration")  # what the others are drawn over: the first of these that there is


def columns(caller: str, history: Any) -> dict[str, list[float | None]]:
    """The numbers of each name, row by row; None where a row has none.

    A history is a list of rows, each a dictionary, or a dictionary of lists. Names without any number are left out.
    """
    if isinstance(history, Mapping):
        lists = {str(name): values for name, values in history.items()}
        for name, values in lists.items():
            if not isinstance(values, (list, tuple, np.ndarray)):
                raise tg.DTypeError(f"{caller}: {name!r} must be a list of numbers, got {type(values).__name__}")
        lengths = {name: len(values) for name, values in lists.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
            raise tg.ShapeError(f"{caller}: the lists must be equally long, got {told}")
        cells = {name: list(values) for name, values in lists.items()}
    elif isinstance(history, (list, tuple)):
        for at, row in enumerate(history):
            if not isinstance(row, Mapping):
                raise tg.DTypeError(f"{caller}: row {at} must be a dictionary, got {type(row).__name__}")
        names = dict.fromkeys(name for row in history for name in row)
        cells = {str(name): [row.get(name) for row in history] for name in names}
    else:
        raise tg.DTypeError(
            f"{caller}: history must be a list of dictionaries, or a dictionary of lists, got {type(history).__name__}"
        )
    if not any(cells.values()):
        raise tg.ShapeError(f"{caller}: the history holds no epoch")
    found = {}
    for name, values in cells.items():
        numbers = [_number(value) for value in values]
        if all(number is None for number in numbers):
            continue
        for at, (value, number) in enumerate(zip(values, numbers, strict=True)):
            if number is None and value is not None:
                raise tg.DTypeError(f"{caller}: {name!r} of row {at} must be a number, got {type(value).__name__}")
        found[name] = numbers
    return found


def panels(names: Sequence[str]) -> dict[str, dict[str, str]]:
    """What is measured, of which part of the data, by what name: {"loss": {"train": "train_loss", ...}, ...}.

    What names no part, beside something that names another, is of the training: "loss" and "val_loss".
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        first, mark, rest = name.replace("/", "_").partition("_")
        part, what = (first, rest) if mark and rest and first.lower() in PARTS else ("", name)
        found.setdefault(what, {})[part] = name
    for parts in found.values():
        if len(parts) > 1 and "" in parts and "train" not in parts:
            parts["train"] = parts.pop("")
    return found


def _number(value: Any) -> float | None:
    """A number, also one that a tensor or an array holds; None if it is something else."""
    if isinstance(value, (tg.Tensor, np.ndarray)) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
        return float(value)
    return None
