"""Batches of arrays, in order or shuffled."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, SupportsIndex

import numpy as np

import tensorgrad as tg

from ..errors import StateError
from .transforms import Transform

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


@dataclass
class _Pass:
    """One way through the data: the examples' numbers in order, and how many batches of them are handed out."""

    order: np.ndarray
    batches: int = 0
    done: bool = False
    taken_up: bool = False  # loaded, and waiting for the next `for`


class DataLoader:
    """Goes through a data set in batches: `for x, y in DataLoader(images, labels, batch_size=64, shuffle=True)`.

    Takes arrays or tensors of equal length, or one data set: a TensorDataset, or anything with a length that is indexed
    with an array of numbers and answers with one array or a tuple of arrays. Each batch is a tuple of new Tensors, of
    the arrays' dtypes, also when there is only one: `for (x,) in DataLoader(images)`. The last batch may be smaller;
    `drop_last` leaves it out. An empty data set has no batches.

    `shuffle` draws a new order at each pass from `generator`, or from tensorgrad's own, which `tg.manual_seed` sets:
    the same state of the generator gives the same order. Without `shuffle` the generator is not touched.

    `transform` is called with the first array of each batch, and its answer taken instead: see `nn.data.transforms`.

    `state_dict()` tells how far the latest pass has come; after `load_state_dict`, here or in another process, the next
    pass goes on from there. What `generator` draws afterwards is the generator's own state, which is not part of it.

    Raises ShapeError if lengths differ, ValueError for a batch size below 1.
    """

    dataset: Dataset
    batch_size: int
    shuffle: bool
    drop_last: bool
    generator: np.random.Generator | None
    transform: Transform | None

    def __init__(
        self,
        *data: Array | Dataset | SupportsIndex,
        batch_size: SupportsIndex = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: np.random.Generator | None = None,
        transform: Transform | None = None,
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
        if transform is not None and not callable(transform):
            raise tg.DTypeError(f"DataLoader: transform is a {type(transform).__name__}, which cannot be called")
        self.generator, self.transform = generator, transform
        self._pass = _Pass(np.arange(0))

    def __len__(self) -> int:
        """The number of batches."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[tuple[tg.Tensor, ...]]:
        current = self._pass if self._pass.taken_up else _Pass(self._order())
        current.taken_up = False
        self._pass = current
        while current.batches < len(self):
            start = current.batches * self.batch_size
            numbers = current.order[start : start + self.batch_size]
            current.batches += 1
            yield self._batch(self.dataset[numbers])
        current.done = True

    def state_dict(self) -> dict[str, Any]:
        """Where the latest pass is: its order, and how many batches it has handed out; nothing between passes."""
        if self._pass.done or not len(self._pass.order):
            return {"order": None, "batches": 0, "batch_size": self.batch_size}
        return {"order": self._pass.order.copy(), "batches": self._pass.batches, "batch_size": self.batch_size}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Let the next pass go on where the one was that `state_dict()` told of.

        Raises StateError, and changes nothing, if the state belongs to another number of examples or batch size.
        """
        if set(state_dict) != {"order", "batches", "batch_size"}:
            raise StateError(f"DataLoader: the state holds {', '.join(map(str, state_dict))}, not order and batches")
        order, batches, batch_size = (state_dict[key] for key in ("order", "batches", "batch_size"))
        if batch_size != self.batch_size:
            raise StateError(f"DataLoader: the state has batches of {batch_size}, this loader of {self.batch_size}")
        if order is None:
            self._pass = _Pass(np.arange(0))
            return
        order, count = np.array(order), len(self.dataset)
        if order.shape != (count,) or not np.array_equal(np.sort(order), np.arange(count)):
            raise StateError(f"DataLoader: the state's order is not one of this data set's {count} examples")
        if not isinstance(batches, int) or not 0 <= batches <= len(self):
            raise StateError(f"DataLoader: the state is at batch {batches} of {len(self)}")
        self._pass = _Pass(order, batches, taken_up=True)

    def _order(self) -> np.ndarray:
        count = len(self.dataset)
        if self.shuffle:
            return (self.generator or tg.default_generator()).permutation(count)
        return np.arange(count)

    def _batch(self, batch: Any) -> tuple[tg.Tensor, ...]:
        first, *others = batch if isinstance(batch, tuple | list) else (batch,)
        if self.transform is not None:
            first = self.transform(first.numpy() if isinstance(first, tg.Tensor) else np.asarray(first))
        return tuple(
            field if isinstance(field, tg.Tensor) else tg.from_numpy(np.asarray(field)) for field in (first, *others)
        )

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
        raise tg.ShapeError(f"DataLoader: batch_size is {size}, expected 1 or more")
    return size
