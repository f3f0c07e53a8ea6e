"""Batches of arrays, in order or shuffled."""

import operator
from collections.abc import Iterator
from typing import Any, Protocol, SupportsIndex

import numpy as np

import tensorgrad as tg

Array = np.ndarray | tg.Tensor


class Dataset(Protocol):
    """Anything with a length that gives the arrays of several examples when indexed with an array of their numbers."""

    def __len__(self) -> int: ...

    def __getitem__(self, numbers: np.ndarray, /) -> Any: ...


class TensorDataset:
    """Arrays or tensors of which the first dimension counts the examples: `dataset[i]` is a tuple with `a[i]` of each.

    Keeps the arrays themselves, not copies. `i` may be a number, a slice or an array of numbers. Raises ShapeError if
    the lengths differ and DTypeError for what is neither an array nor a tensor.
    """

    arrays: tuple[np.ndarray, ...]

    def __init__(self, *arrays: Array) -> None:
        if not arrays:
            raise tg.ShapeError("TensorDataset: no array given")
        for number, array in enumerate(arrays):
            if not isinstance(array, Array):
                raise tg.DTypeError(
                    f"TensorDataset: argument {number} is a {type(array).__name__}, expected a NumPy array or a Tensor"
                )
            if not array.shape:
                raise tg.ShapeError(f"TensorDataset: argument {number} has no dimension that could count examples")
        if len({array.shape[0] for array in arrays}) > 1:
            lengths = ", ".join(str(array.shape[0]) for array in arrays)
            raise tg.ShapeError(f"TensorDataset: arrays of different lengths: {lengths}")
        self.arrays = tuple(array.numpy() if isinstance(array, tg.Tensor) else array for array in arrays)

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, numbers: Any, /) -> tuple[np.ndarray, ...]:
        return tuple(array[numbers] for array in self.arrays)

    def __repr__(self) -> str:
        return f"TensorDataset({', '.join(f'{array.shape} {array.dtype}' for array in self.arrays)})"


class DataLoader:
    """Goes through a data set in batches: `for x, y in DataLoader(images, labels, batch_size=64, shuffle=True)`.

    Takes arrays or tensors of equal length, or one data set: a TensorDataset, or anything with a length that is indexed
    with an array of numbers and answers with one array or a tuple of arrays. Each batch is a tuple of new Tensors, of
    the arrays' dtypes, also when there is only one: `for (x,) in DataLoader(images)`. The last batch may be smaller;
    `drop_last` leaves it out. An empty data set has no batches.

    `shuffle` draws a new order at each pass from `generator`, or from tensorgrad's own, which `tg.manual_seed` sets:
    the same state of the generator gives the same order. Without `shuffle` the generator is not touched.

    Raises ShapeError if lengths differ, ValueError for a batch size below 1.
    """

    dataset: Dataset
    batch_size: int
    shuffle: bool
    drop_last: bool
    generator: np.random.Generator | None

    def __init__(
        self,
        *data: Array | Dataset | SupportsIndex,
        batch_size: SupportsIndex = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: np.random.Generator | None = None,
    ) -> None:
        match data:
            case (_, int(second)):  # DataLoader(dataset, 64), as in PyTorch
                data, batch_size = data[:1], second
        self.dataset = _as_dataset(data)
        self.batch_size = _positive(batch_size)
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        if generator is not None and not isinstance(generator, np.random.Generator):
            raise tg.DTypeError(
                f"DataLoader: generator is a {type(generator).__name__}, expected np.random.default_rng(seed) or None"
            )
        self.generator = generator

    def __len__(self) -> int:
        """The number of batches."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[tg.Tensor, ...]]:
        count = len(self.dataset)
        if self.shuffle:
            order = (self.generator or tg.default_generator()).permutation(count)
        else:
            order = np.arange(count)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield _tensors(self.dataset[order[start : start + self.batch_size]])

    def __repr__(self) -> str:
        return f"DataLoader({len(self.dataset)} examples, batch_size={self.batch_size}, shuffle={self.shuffle})"


def _as_dataset(data: tuple[Any, ...]) -> Dataset:
    if len(data) == 1 and isinstance(data[0], list | tuple):
        raise tg.DTypeError(f"DataLoader: got a {type(data[0]).__name__}; pass the arrays one by one, DataLoader(x, y)")
    if len(data) == 1 and hasattr(data[0], "__getitem__") and not isinstance(data[0], Array):
        dataset: Dataset = data[0]
        return dataset
    return TensorDataset(*data)


def _positive(batch_size: SupportsIndex) -> int:
    try:
        size = operator.index(batch_size)
    except TypeError:
        raise tg.DTypeError(f"DataLoader: batch_size is {batch_size!r}, expected a whole number") from None
    if size < 1:
        raise ValueError(f"DataLoader: batch_size is {size}, expected 1 or more")
    return size


def _tensors(batch: Any) -> tuple[tg.Tensor, ...]:
    fields = batch if isinstance(batch, tuple | list) else (batch,)
    return tuple(field if isinstance(field, tg.Tensor) else tg.from_numpy(np.asarray(field)) for field in fields)
