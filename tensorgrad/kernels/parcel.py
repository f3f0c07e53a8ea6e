"""A job for another process: a function, what it closes over, and what that closes over, as bytes.

The chunks of a kernel are functions made anew for every job, of code that stays the same and of arrays, numbers and
slices. So their code is sent along, and what they close over as values: all of it as nested tuples of what `marshal`
knows, each with a letter that says what it stands for. (`pickle` takes functions by their names alone, and four times
as long.) An array in shared memory is sent as its place there. Others are copied, for reading only: to write into a
copy is an error, for it would be lost.
"""

import importlib
import marshal
from collections.abc import Callable
from types import CellType, CodeType, FunctionType
from typing import Any

import numpy as np

from .shared import Memory
from .windows import Array

ndarray = np.ndarray
AS_THEY_ARE = {int, float, bool, str, bytes, type(None)}
SHORT = 1 << 11  # bytes of an array that is sent as they are
MOST = 512  # tuples that are known
MOST_RECEIVED = 1 << 12  # jobs, tuples and code that are: those of some hundred steps of a ResNet-20
OURS = "tensorgrad."  # how the names of modules begin that another process is sure to have
_sent: dict[int, tuple[CodeType, bytes]] = {}  # by the code's id, for to compare code takes long
_known: dict[int, tuple[tuple[Any, ...], bytes]] = {}  # tuples of tuples, by their id, and what they are sent as
_received: dict[bytes, Any] = {}  # what jobs, code and such tuples came as, and what they are


class Unfit(Exception):
    """A job that cannot be sent."""


def _is_plain(value: Any) -> bool:
    """Whether it is made of numbers, slices and tuples, none of which can change."""
    kind = value.__class__
    return kind in AS_THEY_ARE or kind is slice or (kind is tuple and all(map(_is_plain, value)))


def _kept(value: tuple[Any, ...]) -> tuple[tuple[Any, ...], bytes] | None:
    """What is known of a tuple from now on. Kernels keep their lists of chunks and use them again."""
    if not _is_plain(value):
        return None
    if len(_known) >= MOST:
        _known.clear()
    _known[id(value)] = known = value, marshal.dumps(_plain(value))
    return known


def _plain(value: Any) -> Any:
    """What stands for a number, a slice or a tuple of such in a parcel."""
    if value.__class__ is slice:
        return "s", value.start, value.stop, value.step
    return ("t", [_plain(item) for item in value]) if value.__class__ is tuple else value


class Packer:
    """Turns a job into bytes; copies of arrays go to `room` bytes of the shared memory, from the offset `at` on."""

    def __init__(self, memory: Memory, at: int, room: int) -> None:
        self.memory, self.begin, self.end = memory, at, at + room
        self.at = at

    def packed(self, job: Any) -> bytes:
        """The job as bytes; raises Unfit if it cannot be sent."""
        self.at = self.begin
        return marshal.dumps(self.encoded(job))

    def encoded(self, value: Any) -> Any:
        """What stands for a value in a parcel."""
        kind = value.__class__
        if kind in AS_THEY_ARE:
            return value
        if kind is ndarray:
            place = self.memory.place(value)
            if place is None:
                if value.nbytes <= SHORT and value.dtype.kind in "biuf" and value.flags.forc:
                    order = "C" if value.flags.c_contiguous else "F"
                    return "v", value.tobytes(order), value.shape, value.dtype.str, order
                place = self.at
                value = self._copied(value)
                return "c", place, value.shape, value.strides, value.dtype.str
            return "a", place, value.shape, value.strides, value.dtype.str
        if kind is slice:
            return _plain(value)
        if kind is tuple:
            if value and value[0].__class__ is tuple:
                known = _known.get(id(value))
                if known is None:
                    known = _kept(value)
                if known is not None:
                    return "k", known[1]
            return "t", [item if item.__class__ in AS_THEY_ARE else self.encoded(item) for item in value]
        if kind is list:
            return "l", [self.encoded(item) for item in value]
        if kind is dict:
            return "d", [self.encoded(item) for item in value.items()]
        if kind is FunctionType:
            return self._function(value)
        if isinstance(value, np.ufunc):
            return "u", value.__name__
        if isinstance(value, np.dtype):
            return "n", value.str
        if isinstance(value, np.generic):
            return "x", value.tobytes(), value.dtype.str
        raise Unfit(f"a {kind.__name__}")

    def _function(self, function: FunctionType) -> Any:
        names = function.__globals__  # for `functools.wraps` gives a function another's name and module
        module: str = names.get("__name__", "")
        if not module.startswith(OURS):
            raise Unfit(f"a function of {module}")
        if names.get(function.__qualname__) is function:
            return "g", module, function.__qualname__  # found by its name
        code = function.__code__
        _, sent = _sent.get(id(code)) or _sent.setdefault(id(code), (code, marshal.dumps(code)))
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        cells = [value if value.__class__ in AS_THEY_ARE else self.encoded(value) for value in cells]
        defaults = self.encoded(function.__defaults__), self.encoded(function.__kwdefaults__)
        return "f", module, sent, function.__name__, *defaults, cells

    def _copied(self, array: Array) -> Array:
        """A copy in shared memory whose axes follow each other as those of the array do: then products are the same."""
        if array.dtype.kind not in "biuf" or not array.dtype.isnative:
            raise Unfit(f"an array of {array.dtype}")
        if array.nbytes > self.end - self.at:
            raise Unfit("too large an array outside of the shared memory")
        if array.flags.c_contiguous:
            copy: Array = ndarray(array.shape, array.dtype, self.memory.map, self.at)
        else:
            order = sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis]))
            if not array.transpose(order).flags.c_contiguous:
                raise Unfit("an array with gaps, or that runs backwards: products of a copy might be others")
            turned = ndarray([array.shape[axis] for axis in order], array.dtype, self.memory.map, self.at)
            copy = turned.transpose(np.argsort(order))
        copy[...] = array
        self.at += -(-array.nbytes // 64) * 64
        return copy


def unpacked(parcel: bytes, memory: Memory | None = None) -> Any:
    """The job that another process packed.

    Training does the same step again and again, on memory that is used again: nine jobs of ten come as bytes that came
    before, and are the functions that they were then, which takes 2 microseconds in place of 40.
    """
    return _kept_as(parcel, lambda sent: _decoded(marshal.loads(sent), memory))  # noqa: S302  (of its own caller)


def _decoded(value: Any, memory: Memory | None) -> Any:
    if value.__class__ in AS_THEY_ARE:
        return value
    kind, *rest = value
    if kind in ("a", "c"):
        place, shape, strides, dtype = rest
        assert memory is not None
        array: Array = ndarray(shape, dtype, memory.map, place, strides)
        if kind == "c":
            array.flags.writeable = False
        return array
    if kind == "v":
        data, shape, dtype, order = rest
        return np.frombuffer(data, dtype).reshape(shape, order=order)
    if kind == "k":
        return _kept_as(rest[0], unpacked)
    if kind == "s":
        return slice(*rest)
    if kind in ("t", "l", "d"):
        items = [_decoded(item, memory) for item in rest[0]]
        return items if kind == "l" else tuple(items) if kind == "t" else dict(items)
    if kind == "f":
        return _function(memory, *rest)
    if kind == "g":
        return _names_in(rest[0])[rest[1]]
    if kind == "u":
        return getattr(np, rest[0])
    return np.dtype(rest[0]) if kind == "n" else np.frombuffer(rest[0], rest[1])[0]


def _kept_as(sent: bytes, opened: Callable[[bytes], Any]) -> Any:
    """What came as these bytes before, or comes as them now."""
    if sent not in _received:
        if len(_received) >= MOST_RECEIVED:
            _received.clear()
        _received[sent] = opened(sent)
    return _received[sent]


def _function(
    memory: Memory | None, module: str, sent: bytes, name: str, defaults: Any, named: Any, cells: list[Any]
) -> FunctionType:
    code = _kept_as(sent, marshal.loads)
    closure = tuple([CellType(_decoded(cell, memory)) for cell in cells])
    function = FunctionType(code, _names_in(module), name, _decoded(defaults, memory), closure)
    function.__kwdefaults__ = _decoded(named, memory)
    return function


def _names_in(module: str) -> dict[str, Any]:
    """What a module of ours names. The functions of a job are found so, as `pickle` does."""
    return vars(importlib.import_module(module))
