"""Tensor: what users hold. Operators and methods are one line each, into `ops`."""

from __future__ import annotations

import builtins
import warnings
import weakref
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

import numpy as np

from . import numpy_door
from .arrays import to_array
from .casts import Casts
from .dtypes import canonical
from .errors import DTypeError, GradientError, ShapeError, SharingError, TensorgradError
from .fills import Fills
from .graph import backward as _backward
from .methods import Methods
from .modes import STATE, enable_grad, no_grad
from .node import Array, Node, TensorBase, make_tensor, mark_written, set_tensor_type, version_cell
from .ops import arrange, assign, elementwise, indexing, linalg, logic, repeat, rounding, shape, split
from .primitive import astype, binary
from .printing import shown

OPERAND = (TensorBase, float, int, np.ndarray, np.generic)  # what is usual first
BUILT_IN = {str, bytes, list, tuple, dict, set, NoneType}  # these have no say in arithmetic with a tensor

_next_key = iter(range(2**63)).__next__


class Tensor(Methods, Casts, Fills):
    """An array that remembers how it was computed.

    `Tensor(data)` copies numbers, lists or arrays: Python floats become float32, ints int64, arrays keep their dtype.
    A tensor that `requires_grad` (floats only) has its gradient in `.grad` after `backward()` of a result.
    """

    __slots__ = ()
    __array_priority__ = 1000

    def __init__(self, data: Any, dtype: Any = None, requires_grad: bool = False) -> None:
        self._alias = False
        self._array = to_array(data, dtype, type(self).__name__)
        self._grad = None
        self._hooks = None
        self._requires_grad = False
        self._version = None
        self.index = 0
        self.node = None
        if requires_grad:
            self.requires_grad = True

    # What it holds

    @property
    def data(self) -> Array:
        """The array itself, not a copy. Writes through it are not seen by the engine; `x.data = array` is."""
        return self._array

    @data.setter
    def data(self, value: Any) -> None:
        if value is not self._array:  # else it says that the array was written to
            array = value._array if isinstance(value, TensorBase) else np.asarray(value)
            self._check_like("data", array)
            self._array = canonical(array)
        mark_written(self)

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have added up, a tensor of the same shape and dtype, or None."""
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and not isinstance(value, TensorBase):
            raise DTypeError(f"grad: must be a tensor or None, got {type(value).__name__}")
        if value is not None:
            self._check_like("grad", value._array)
        self._grad = value

    def _check_like(self, name: str, array: Array) -> None:
        if array.shape != self._array.shape:
            raise ShapeError(f"{name}: the tensor has shape {self._array.shape}, got {array.shape}")
        if array.dtype != self._array.dtype:
            raise DTypeError(f"{name}: the tensor has dtype {self._array.dtype}, got {array.dtype}")

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value and self._array.dtype.kind != "f":
            raise GradientError(f"requires_grad: only floats have gradients, the tensor has dtype {self._array.dtype}")
        if not value and self.node is not None:
            raise GradientError(f"requires_grad: the result of {self.node.name} is not a leaf: use detach()")
        self._requires_grad = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad`; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of its values."""
        return self._array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one axis."""
        return self._array.shape if dim is None else self._array.shape[dim]

    def numel(self) -> int:
        """The number of values."""
        return self._array.size

    def dim(self) -> int:
        """The number of axes."""
        return self._array.ndim

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return shape.permute(self, tuple(range(self._array.ndim))[::-1])

    @property
    def mT(self) -> Tensor:
        """The last two axes exchanged."""
        return shape.transpose(self, -2, -1)

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self.node is None

    @property
    def grad_fn(self) -> Node | None:
        """The node that made it, None for a leaf."""
        return self.node

    # Gradients

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False) -> None:
        """Add to the `.grad` of every leaf below the gradient of this tensor with respect to it.

        `gradient`, of this tensor's shape, weights its elements; a tensor of one element needs none. What the forward
        pass saved is freed on the way unless `retain_graph`. With `create_graph` the gradients have a graph themselves;
        leaf, .grad and graph then hold each other alive: prefer `tg.grad`.
        """
        _backward([self], None if gradient is None else [gradient], retain_graph, create_graph)

    def detach(self) -> Tensor:
        """The same memory without a history; writes to either are noticed by the graphs of both."""
        result: Tensor = make_tensor(self._array)
        result._version = version_cell(self)
        result._alias = True
        return result

    def retain_grad(self) -> None:
        """Keep the gradient of this interior tensor in `.grad` at a backward pass."""
        if not self._requires_grad:
            raise GradientError("retain_grad: the tensor does not require a gradient")
        if self.node is not None:
            self.node.retained = {**(self.node.retained or {}), self.index: weakref.ref(self)}

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call `hook(gradient)` when this tensor's gradient is complete; what it returns, if not None, replaces it."""
        if not self._requires_grad:
            raise GradientError("register_hook: the tensor does not require a gradient")
        if self.node is None:
            hooks = self._hooks = {} if self._hooks is None else self._hooks
        else:
            if self.node.hooks is None:
                self.node.hooks = {}
            hooks = self.node.hooks.setdefault(self.index, {})
        key = _next_key()
        hooks[key] = hook
        return RemovableHandle(lambda: hooks.pop(key, None))

    # Out of the graph

    def numpy(self) -> Array:
        """The array, sharing memory; an error for a tensor that requires a gradient: detach it first."""
        return self.__array__()

    def item(self) -> Any:
        """The one value as a Python number."""
        if self._array.size != 1:
            raise ShapeError(f"item: only a tensor of one value is a number, this one has shape {self._array.shape}")
        return self._array.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._array.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._check_no_gradient("numpy")
        if copy is None:
            return self._array if dtype is None else self._array.astype(dtype, copy=False)
        return np.array(self._array, dtype, copy=copy)  # copy=False raises where a copy is needed

    def _check_no_gradient(self, name: str) -> None:
        if self._requires_grad:
            raise GradientError(
                f"{name}: the tensor requires a gradient, which an array would lose: call detach() first"
            )

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: builtins.bool | None = None,
    ) -> Any:
        self._check_no_gradient("__dlpack__")
        if stream is not None:
            raise SharingError(f"__dlpack__: stream must be None, got {stream!r}: the memory is the processor's")
        array = self._array
        if not copy:
            if min(array.strides, default=0) < 0:  # with which PyTorch ends the whole program
                raise SharingError(
                    f"__dlpack__: a tensor read backwards (strides {array.strides}) cannot be shared: clone() it first"
                )
            if not array.flags.writeable and (max_version is None or max_version[0] < 1):
                raise SharingError(
                    "__dlpack__: the memory is read-only, which only version 1.0 can say, and what takes it asks for "
                    f"{max_version}: clone() the tensor first"
                )
        return array.__dlpack__(max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> Any:
        return self._array.__dlpack_device__()

    __array_ufunc__ = numpy_door.array_ufunc
    __array_function__ = numpy_door.array_function

    def __float__(self) -> float:
        self._warn_of_number("float")
        return float(self.item())

    def __int__(self) -> int:
        self._warn_of_number("int")
        return int(self.item())

    def _warn_of_number(self, name: str) -> None:
        """Python, `math` and an array that is written to ask for a number by these methods, and lose the gradient."""
        if self._requires_grad and STATE.get().recording:
            warnings.warn(
                f"{name}: the tensor requires a gradient, which a number loses: call .item() or .detach() first if "
                "that is meant",
                UserWarning,
                stacklevel=3,
            )

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iu" or self._array.size != 1:
            raise DTypeError(f"a tensor of dtype {self._array.dtype} and shape {self._array.shape} is not an index")
        return int(self._array.item())

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise ShapeError(
                f"bool: a tensor of shape {self._array.shape} is neither true nor false: reduce it to one value first, "
                "for example with .sum()"
            )
        return bool(self._array.item())

    def __len__(self) -> int:
        if not self._array.ndim:
            raise DTypeError("len: a tensor of no axes has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise DTypeError("iter: a tensor of no axes cannot be iterated over")
        return iter(split.unbind(self))

    def __contains__(self, value: Any) -> bool:
        return bool((self._array == (value._array if isinstance(value, TensorBase) else value)).any())

    def __format__(self, spec: str) -> str:
        if spec and self._array.size != 1:
            raise DTypeError(f"format: {spec!r} is for one number, the tensor has shape {self._array.shape}")
        return format(self.item(), spec) if spec else repr(self)

    def __repr__(self) -> str:
        return shown(self)

    __hash__ = object.__hash__

    def __reduce__(self) -> Any:
        if self.node is not None:
            raise GradientError(
                f"copy: the result of {self.node.name} is part of a graph; only leaves can be pickled or deep-copied: "
                "detach() it first"
            )
        return _rebuild, (type(self), self._array, self._requires_grad, self._grad)

    # Arithmetic. What is no operand may have a say: Python then asks its __radd__ and the like.

    def __add__(self, other: Any) -> Tensor:
        return binary(elementwise._add, self, other) if isinstance(other, OPERAND) else _no_operand("add", other)

    def __radd__(self, other: Any) -> Tensor:
        return binary(elementwise._add, other, self) if isinstance(other, OPERAND) else _no_operand("add", other)

    def __sub__(self, other: Any) -> Tensor:
        return binary(elementwise._sub, self, other) if isinstance(other, OPERAND) else _no_operand("sub", other)

    def __rsub__(self, other: Any) -> Tensor:
        return binary(elementwise._sub, other, self) if isinstance(other, OPERAND) else _no_operand("sub", other)

    def __mul__(self, other: Any) -> Tensor:
        return binary(elementwise.mul, self, other) if isinstance(other, OPERAND) else _no_operand("mul", other)

    def __rmul__(self, other: Any) -> Tensor:
        return binary(elementwise.mul, other, self) if isinstance(other, OPERAND) else _no_operand("mul", other)

    def __truediv__(self, other: Any) -> Tensor:
        return binary(elementwise._div, self, other) if isinstance(other, OPERAND) else _no_operand("div", other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return binary(elementwise._div, other, self) if isinstance(other, OPERAND) else _no_operand("div", other)

    def __floordiv__(self, other: Any) -> Tensor:
        return rounding.floor_divide(self, other) if isinstance(other, OPERAND) else _no_operand("floor_divide", other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return rounding.floor_divide(other, self) if isinstance(other, OPERAND) else _no_operand("floor_divide", other)

    def __mod__(self, other: Any) -> Tensor:
        return rounding.remainder(self, other) if isinstance(other, OPERAND) else _no_operand("remainder", other)

    def __rmod__(self, other: Any) -> Tensor:
        return rounding.remainder(other, self) if isinstance(other, OPERAND) else _no_operand("remainder", other)

    def __pow__(self, other: Any) -> Tensor:
        return elementwise.pow(self, other) if isinstance(other, OPERAND) else _no_operand("pow", other)

    def __rpow__(self, other: Any) -> Tensor:
        return elementwise.pow(other, self) if isinstance(other, OPERAND) else _no_operand("pow", other)

    def __matmul__(self, other: Any) -> Tensor:
        return linalg.matmul(self, other) if isinstance(other, OPERAND) else _no_operand("matmul", other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return linalg.matmul(other, self) if isinstance(other, OPERAND) else _no_operand("matmul", other)

    def __neg__(self) -> Tensor:
        return elementwise.neg(self)

    def __abs__(self) -> Tensor:
        return elementwise.abs(self)

    def __pos__(self) -> Tensor:
        return self

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]  # element by element, as in NumPy
        return elementwise.eq(self, other) if isinstance(other, OPERAND) else NotImplemented

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]  # element by element, as in NumPy
        return elementwise.ne(self, other) if isinstance(other, OPERAND) else NotImplemented

    def __lt__(self, other: Any) -> Tensor:
        return elementwise.lt(self, other)

    def __le__(self, other: Any) -> Tensor:
        return elementwise.le(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return elementwise.gt(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return elementwise.ge(self, other)

    def __and__(self, other: Any) -> Tensor:
        return elementwise.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Tensor:
        return elementwise.bitwise_and(other, self)

    def __or__(self, other: Any) -> Tensor:
        return elementwise.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Tensor:
        return elementwise.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Tensor:
        return elementwise.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return elementwise.bitwise_xor(other, self)

    def __lshift__(self, other: Any) -> Tensor:
        return (
            logic.bitwise_left_shift(self, other)
            if isinstance(other, OPERAND)
            else _no_operand("bitwise_left_shift", other)
        )

    def __rlshift__(self, other: Any) -> Tensor:
        return (
            logic.bitwise_left_shift(other, self)
            if isinstance(other, OPERAND)
            else _no_operand("bitwise_left_shift", other)
        )

    def __rshift__(self, other: Any) -> Tensor:
        return (
            logic.bitwise_right_shift(self, other)
            if isinstance(other, OPERAND)
            else _no_operand("bitwise_right_shift", other)
        )

    def __rrshift__(self, other: Any) -> Tensor:
        return (
            logic.bitwise_right_shift(other, self)
            if isinstance(other, OPERAND)
            else _no_operand("bitwise_right_shift", other)
        )

    def __invert__(self) -> Tensor:
        return elementwise.bitwise_not(self)

    # Reductions and shape

    def view(self, *shape_: Any, size: Any = None) -> Tensor:
        """The same values in another shape, sharing memory where NumPy can: `x.view(2, 3)`, `x.view(size=(2, 3))`."""
        return shape.reshape(self, *shape_, shape=size)

    def contiguous(self) -> Tensor:
        """The tensor itself: its order in memory changes no result; `clone()` gives it memory of its own."""
        return self

    def flip(self, dims: Any, *more: int) -> Tensor:
        """The order along each of `dims` reversed: `x.flip(0, 1)` or `x.flip((0, 1))`."""
        return arrange.flip(self, (dims, *more) if more else dims)

    def tile(self, dims: Any, *more: int) -> Tensor:
        """Copies beside each other, as often as `dims` tells: `x.tile(2, 3)` or `x.tile((2, 3))`."""
        return repeat.tile(self, (dims, *more) if more else dims)

    def t_(self) -> Tensor:
        """Transpose this matrix itself: its values stay where they are in memory, its axes change places.

        That is recorded under `no_grad` too, or the gradient would arrive in another shape than the tensor has. A leaf
        that requires a gradient cannot be transposed in place: graphs know it by its shape.
        """
        if self._requires_grad and self.node is None:
            raise GradientError("t_: a leaf that requires a gradient keeps its shape: use t()")
        with enable_grad():
            self._become(self.t())
        return self

    # Indexing and assignment

    def where(self, condition: Any, other: Any) -> Tensor:
        """The tensor's values where the condition holds, else other."""
        result: Tensor = elementwise.where(condition, self, other)
        return result

    def __getitem__(self, index: Any) -> Tensor:
        return indexing.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        index = indexing.plain_index("setitem", index)
        value = indexing.fitting("setitem", self, index, value)
        self._assign("setitem", *assign.at(self, index, value))

    # In-place. Under no_grad the memory is written; while recording, the tensor becomes the recorded result.

    def add_(self, other: Any, *, alpha: builtins.float = 1) -> Tensor:
        """self += alpha * other."""
        return self._assign("add_", other, lambda: _told_as("add_", elementwise.add, self, other, alpha=alpha))

    def sub_(self, other: Any, *, alpha: builtins.float = 1) -> Tensor:
        """self -= alpha * other."""
        return self._assign("sub_", other, lambda: _told_as("sub_", elementwise.sub, self, other, alpha=alpha))

    def mul_(self, other: Any) -> Tensor:
        """self *= other."""
        return self._assign("mul_", other, lambda: _told_as("mul_", elementwise.mul, self, other))

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        """self /= other, rounded as by `div`."""
        return self._assign(
            "div_", other, lambda: _told_as("div_", rounding.div, self, other, rounding_mode=rounding_mode)
        )

    def copy_(self, src: Any) -> Tensor:
        """Take the values of `src`, broadcast and cast."""
        src = indexing.fitting("copy_", self, Ellipsis, src)
        return self._assign("copy_", *assign.at(self, Ellipsis, src))

    def fill_(self, value: builtins.float) -> Tensor:
        """Set every value to `value`."""
        value = indexing.fitting("fill_", self, Ellipsis, value)
        return self._assign("fill_", *assign.at(self, Ellipsis, value))

    def zero_(self) -> Tensor:
        """Set every value to 0."""
        return self.fill_(0)

    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_

    def index_add_(self, dim: int, index: Any, source: Any, *, alpha: builtins.float = 1) -> Tensor:
        """Add alpha times slice n of `source` to slice index[n] along `dim`, see `index_add`."""
        return self._assign("index_add_", *assign.index_add(self, dim, index, source, alpha))

    def index_copy_(self, dim: int, index: Any, source: Any) -> Tensor:
        """Set slice index[n] along `dim` to slice n of `source`, see `index_copy`."""
        return self._assign("index_copy_", *assign.index_copy(self, dim, index, source))

    def index_fill_(self, dim: int, index: Any, value: Any) -> Tensor:
        """Set the slices along `dim` that `index` names to a number, see `index_fill`."""
        return self._assign("index_fill_", *assign.index_fill(self, dim, index, value))

    def index_put_(self, indices: Any, values: Any, accumulate: builtins.bool = False) -> Tensor:
        """self[indices] = values or, with `accumulate`, += values, see `index_put`."""
        return self._assign("index_put_", *assign.index_put(self, indices, values, accumulate))

    def masked_fill_(self, mask: Any, value: Any) -> Tensor:
        """Set what `mask` names to a number, see `masked_fill`."""
        return self._assign("masked_fill_", *assign.masked_fill(self, mask, value))

    def masked_scatter_(self, mask: Any, source: Any) -> Tensor:
        """Set what `mask` names to the values of `source` in turn, see `masked_scatter`."""
        return self._assign("masked_scatter_", *assign.masked_scatter(self, mask, source))

    def put_(self, index: Any, source: Any, accumulate: builtins.bool = False) -> Tensor:
        """Set, or add to, the values at numbers in reading order, see `put`."""
        return self._assign("put_", *assign.put(self, index, source, accumulate))

    def scatter_(
        self, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
    ) -> Tensor:
        """Set the places that `index` points to along `dim`, see `scatter`."""
        return self._assign("scatter_", *assign.scatter_(self, dim, index, src, value, reduce))

    def scatter_add_(self, dim: int, index: Any, src: Any) -> Tensor:
        """Add `src` where `index` points to along `dim`, see `scatter_add`."""
        return self._assign("scatter_add_", *assign.scatter_add(self, dim, index, src))

    def scatter_reduce_(
        self, dim: int, index: Any, src: Any, reduce: str, *, include_self: builtins.bool = True
    ) -> Tensor:
        """Reduce what comes to the places that `index` points to along `dim`, see `scatter_reduce`."""
        return self._assign("scatter_reduce_", *assign.scatter_reduce(self, dim, index, src, reduce, include_self))

    def _assign(
        self,
        name: str,
        value: Any,
        compute: Callable[[], Tensor],
        write: Callable[[Array, Any], None] | None = None,
    ) -> Tensor:
        """Write the result of `compute` into this tensor, or become it if it is recorded; checked first.

        `write` changes the memory without computing all of the result.
        """
        recording = STATE.get().recording
        needs_graph = recording and (self._requires_grad or (isinstance(value, TensorBase) and value._requires_grad))
        if needs_graph and self._requires_grad and self.node is None:
            raise GradientError(
                f"{name}: a leaf that requires a gradient cannot be changed in place while recording: "
                "do it under no_grad(), or compute a new tensor"
            )
        if needs_graph and self._alias:
            made = "a detached tensor or a view" if self.node is None else f"a view made by {self.node.name}"
            raise GradientError(
                f"{name}: the tensor is {made}, and the tensor whose memory it shares would not change with it: "
                "write x[0, 1] = v instead of x[0][1] = v, x[i] = x[i] + v instead of x[i] += v, or clone() it first"
            )
        if needs_graph and self._array.dtype.kind != "f":
            raise DTypeError(f"{name}: a tensor of dtype {self._array.dtype} cannot take a value that has a gradient")
        if needs_graph:
            result = compute()
            self._check_fits(name, result)
            if result._array.dtype != self._array.dtype:
                result = astype(result, dtype=self._array.dtype)
            self._become(result)
            return self
        if not self._array.flags.writeable:
            raise GradientError(
                f"{name}: the tensor's memory cannot be written to: it is of a broadcast view, in which places share "
                "memory, or of a read-only array: clone() it first"
            )
        array = value._array if isinstance(value, TensorBase) else value
        if write is not None:
            write(self._array, array)
        else:
            with no_grad():
                result = compute()
            self._check_fits(name, result)
            self._array[...] = result._array
        mark_written(self)
        return self

    def _become(self, result: Tensor) -> None:
        """Take the place of a result in the graph; whose gradient was to be kept stays so."""
        retained = self.node is not None and (self.node.retained or {}).pop(self.index, None) is not None
        self._array, self.node, self.index = result._array, result.node, result.index
        self._requires_grad, self._version = result._requires_grad, result._version
        if retained:
            self.retain_grad()

    def _check_fits(self, name: str, result: Tensor) -> None:
        if result._array.shape != self._array.shape:
            raise ShapeError(
                f"{name}: the result has shape {result._array.shape}, which does not fit the tensor's "
                f"{self._array.shape}"
            )
        if result._array.dtype.kind == "f" and self._array.dtype.kind != "f":
            raise DTypeError(
                f"{name}: the result has dtype {result._array.dtype}, which a tensor of {self._array.dtype} cannot hold"
            )


class RemovableHandle:
    """What registering a hook returns: `remove()`, or leaving a `with`, takes the hook away again."""

    def __init__(self, take_away: Callable[[], object]) -> None:
        self._take_away = take_away

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._take_away()

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def _no_operand(name: str, other: Any) -> Any:
    """What an operator answers where the other side is no operand: NotImplemented, or an error if that has no say."""
    if other.__class__ in BUILT_IN:
        kind = "None" if other is None else f"a {type(other).__name__}"
        raise DTypeError(f"{name}: {kind} is no operand: it must be a tensor, an array or a number")
    return NotImplemented


def _told_as(name: str, op: Callable[..., Tensor], *args: Any, **options: Any) -> Tensor:
    """`op` of the arguments; what it raises names the method that was called."""
    try:
        return op(*args, **options)
    except TensorgradError as error:
        _, _, text = str(error).partition(": ")
        error.args = (f"{name}: {text}",)
        raise


def _rebuild(kind: type[Tensor], data: Array, requires_grad: bool, grad: Tensor | None) -> Tensor:
    tensor = kind.__new__(kind)
    Tensor.__init__(tensor, data, requires_grad=requires_grad)
    tensor._grad = grad
    return tensor


set_tensor_type(Tensor)
