"""How far arrays are from kinks."""

from __future__ import annotations

import numpy as np

MARGIN = 1e-2  # how far from a kink a value stays


def from_zero(x: np.ndarray, *at: float) -> float:
    """The smallest distance of a value from 0, or from the numbers given."""
    return min((float(np.min(abs(x - a), initial=np.inf)) for a in at or (0.0,)), default=np.inf)


def from_integers(x: np.ndarray, every: float = 1.0) -> float:
    return float(np.min(abs(x / every - np.round(x / every)), initial=np.inf)) * every


def from_ties(x: np.ndarray, dim: int | None = None) -> float:
    """The smallest distance of two values along an axis, or of any two."""
    if dim is None or not x.ndim:
        x, dim = x.reshape(-1), 0
    return float(np.min(np.diff(np.sort(x, dim), axis=dim), initial=np.inf))


def from_window_ties(x: np.ndarray, window: tuple[int, ...], padding: int = 0, step: int = 1) -> float:
    """The smallest distance of the two largest values in a window over the last axes."""
    pads = [(0, 0)] * (x.ndim - len(window)) + [(padding, padding)] * len(window)
    axes = tuple(range(x.ndim - len(window), x.ndim))
    padded = np.pad(x, pads, constant_values=-1e9)
    windows = np.lib.stride_tricks.sliding_window_view(padded, window, axes)
    lanes = windows.reshape(*windows.shape[: x.ndim], -1)[..., ::step, :]
    return float(np.min(np.diff(np.partition(lanes, -2)[..., -2:])))


def apart(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.min(abs(x - y), initial=np.inf))
