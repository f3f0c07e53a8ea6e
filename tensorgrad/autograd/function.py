"""`Function`: an operation as a class with two methods, in PyTorch's form, for code that was written for PyTorch.

An operation of one's own is best made with `@tg.primitive`: a function on arrays, and a VJP for each input.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import DTypeError, GradientError
from ..modes import STATE, no_grad
from ..node import Form, Node, TensorBase, make_tensor, source_of, version_cell
from ..primitive import Primitive, record, sum_to
from ..rules import BYPRODUCT, COTANGENT, INPUT, OUTPUT, SAVED, WANTED, Plan, Rule


class FunctionCtx:
    """What the forward of a `Function` hands to its backward; called `ctx` there.

    Any attribute may be set: numbers, shapes, constant tensors. The inputs and outputs that backward needs are given to
    `save_for_backward` instead: they are dropped with the graph, and a walk notices when they were changed in place.
    """

    __slots__ = ("__dict__", "_constants", "_materialize", "_name", "_saved", "needs_input_grad")

    needs_input_grad: tuple[bool, ...]
    """For each argument of forward whether it wants a gradient. In backward: whether this walk asks for it."""

    def __init__(self, name: str, needs_input_grad: tuple[bool, ...]) -> None:
        self._name = name
        self._saved: tuple[Any, ...] = ()
        self._constants: tuple[Any, ...] = ()
        self._materialize = True
        self.needs_input_grad = needs_input_grad

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors, or None in places, for backward, which finds them in `saved_tensors`.

        What is neither an input nor an output is a constant to derivatives of higher order, unless it requires a
        gradient itself. So what was computed from the inputs on the way is to be an output too, or computed again.
        """
        for number, tensor in enumerate(tensors):
            if tensor is not None and not isinstance(tensor, TensorBase):
                raise DTypeError(
                    f"{self._name}: save_for_backward takes tensors and None, argument {number} is of type "
                    f"{type(tensor).__name__}: set it as an attribute of ctx"
                )
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` was given."""
        return self._saved

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say that these outputs have no gradient. Integers have none anyway."""
        self._constants = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """With False, backward is given None, not zeros, for an output that the loss does not depend on."""
        self._materialize = bool(value)


class Function:
    """An operation given by its two directions, to be subclassed; it is called by `apply`.

        class Cube(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return 3 * g * x**2

        y = Cube.apply(x)

    `forward` may do anything with tensors, NumPy too; nothing of it is recorded. It returns a tensor, or a tuple of
    tensors and other things. It must not change its inputs. Instead of taking `ctx` first, it may leave that to a
    second method, `setup_context(ctx, inputs, output)`.

    `backward` is given the gradient of each output, and returns one for each argument of forward, None for those that
    are no tensors. A gradient that broadcasting made larger than its input is summed back. What backward computes is
    recorded where `create_graph` is asked for; so if it is written in operations of tensors, the function has
    derivatives of every order. What it is given cannot be written to: `g.clone()` can.

    A node of the graph knows the saved arrays, and a picture shows the function by its name. Two differences from
    PyTorch: an output given back in a list is an error here, where there it loses its gradient; and there is no
    `mark_dirty`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        name = type(self).__name__
        raise GradientError(f"{name}: a Function has no instances: call {name}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs: `forward(ctx, *inputs)`, or `forward(*inputs)` beside `setup_context`."""
        raise NotImplementedError("a Function needs a static method forward")

    @staticmethod
    def setup_context(ctx: FunctionCtx, inputs: tuple[Any, ...], output: Any) -> None:
        """Save what backward needs, where forward does not take `ctx`."""
        raise NotImplementedError("a Function whose forward takes no ctx needs a static method setup_context")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients of the inputs from those of the outputs."""
        raise NotImplementedError("a Function that is differentiated needs a static method backward")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Call forward, and record the call as one operation, whose gradients backward gives."""
        name, apart = cls.__name__, cls.setup_context is not Function.setup_context
        if cls.forward is Function.forward:
            raise GradientError(f"{name}: has no forward: define it as a static method")
        if kwargs or apart:
            args = _in_order(cls, args, kwargs, apart)
        tensors = [arg for arg in args if isinstance(arg, TensorBase)]
        counts = [bytes(version_cell(tensor)) for tensor in tensors]
        ctx = FunctionCtx(name, tuple(isinstance(arg, TensorBase) and arg._requires_grad for arg in args))
        with no_grad():
            result = cls.forward(*args) if apart else cls.forward(ctx, *args)
            if apart:
                cls.setup_context(ctx, args, result)
        results = list(result) if isinstance(result, tuple) else [result]
        if isinstance(result, list) and any(isinstance(r, TensorBase) for r in result):
            raise GradientError(f"{name}: forward returned a list: return a tensor or a tuple")
        state = STATE.get()
        outputs = [r for r in results if isinstance(r, TensorBase)]
        recorded = state.recording and any(ctx.needs_input_grad)
        if not recorded or all(out._array.dtype.kind != "f" for out in outputs):
            results = [_cut(r) if isinstance(r, TensorBase) and r._requires_grad else r for r in results]
            return tuple(results) if isinstance(result, tuple) else results[0]

        for tensor, count in zip(tensors, counts, strict=True):
            if version_cell(tensor) != count:
                raise GradientError(
                    f"{name}: forward changed an input of shape {tensor._array.shape} in place: compute a new tensor"
                )
        node = _recorded(cls, ctx, args, tensors, results, outputs)
        # As in PyTorch the very tensors that forward returned are the outputs, so that a ctx that holds one, although
        # it should rather save it, knows the operation that made it.
        number = 0
        for at, out in enumerate(results):
            if not isinstance(out, TensorBase):
                continue
            if out._requires_grad or out.node is not None or any(out is t for t in (*tensors, *results[:at])):
                results[at] = _cut(out)
            if out._array.dtype.kind == "f" and not any(out is constant for constant in ctx._constants):
                results[at].node, results[at].index, results[at]._requires_grad = node, number, True
            number += 1
        for observer in state.observers:
            observer.called(node.primitive, [t._array for t in tensors], [out._array for out in outputs], node)
        return tuple(results) if isinstance(result, tuple) else results[0]


class _Operation(Primitive):
    """What nodes of a Function name as their primitive. It has no rules: each node's plan is made with the node."""

    def __init__(self, name: str, inputs: tuple[str, ...], outputs: int, saves: int) -> None:
        def forward(*args: Any) -> Any:
            raise GradientError(f"{name}: a Function is called by {name}.apply(...)")

        forward.__name__ = name
        outs = ("out",) if outputs == 1 else tuple(f"out{i}" for i in range(outputs))
        super().__init__(forward, outputs=outs, saves=tuple(f"saved{i}" for i in range(saves)))
        self.name, self.inputs, self.variadic = name, inputs, False


@dataclass(frozen=True, slots=True)
class _Rule:
    """The VJP of one call. Two are equal, as a checkpoint asks, if they are of the same kind of call."""

    function: type[Function]
    names: tuple[str, ...]  # of the arguments
    inputs: tuple[int, ...]  # which of them are tensors
    shapes: tuple[tuple[int, ...], ...]  # of these
    outputs: tuple[Form | None, ...]  # the forms of what forward returned, None for what is no tensor
    slots: tuple[int | None, ...]  # for each saved tensor its number among the arrays of the node, None for None
    ctx: FunctionCtx = field(compare=False)
    tracked: dict[int, TensorBase] = field(compare=False)  # saved tensors from elsewhere that require a gradient

    def __call__(self, wanted: tuple[bool, ...], *given: Any) -> tuple[Any, ...]:
        name, recording = self.function.__name__, STATE.get().recording
        ctx = FunctionCtx(name, tuple(self._spread(wanted)))
        ctx.__dict__ = self.ctx.__dict__
        arrived = iter(given)
        gradients = [self._gradient(form, arrived) for form in self.outputs]
        saved = list(arrived)
        ctx._saved = tuple(
            None if n is None else self.tracked[n] if recording and n in self.tracked else _read_only(saved[n])
            for n in self.slots
        )
        if self.function.backward is Function.backward:
            raise GradientError(f"{name}: has no backward: define it as a static method")
        result = self.function.backward(ctx, *gradients)
        result = result if isinstance(result, tuple) else (result,)
        count = len(self.names)
        if len(result) < count or any(g is not None for g in result[count:]):
            raise GradientError(
                f"{name}: backward returned {len(result)} gradients, but forward was given {count} arguments: "
                f"{', '.join(self.names)}"
            )
        for number, g in enumerate(result[:count]):
            if g is not None and not isinstance(g, TensorBase):
                raise GradientError(
                    f"{name}: backward gave for {self.names[number]} a {type(g).__name__}, expected a tensor or None"
                )
            if g is not None and number not in self.inputs:
                raise GradientError(
                    f"{name}: backward gave a gradient for {self.names[number]}, which is no tensor: return None for it"
                )
        found = []
        for number, shape, is_wanted in zip(self.inputs, self.shapes, wanted, strict=True):
            g = result[number] if is_wanted else None
            if g is not None and g._array.shape != shape and _spreads_to(shape, g._array.shape):
                g = sum_to(g, shape=shape)
            found.append(g if g is None or recording else g._array)
        return tuple(found)

    def _spread(self, wanted: tuple[bool, ...]) -> list[bool]:
        """For each argument whether it is wanted."""
        asked = dict(zip(self.inputs, wanted, strict=True))
        return [asked.get(number, False) for number in range(len(self.names))]

    def _gradient(self, form: Form | None, arrived: Any) -> Any:
        """The gradient of one output, as backward is given it."""
        if form is None:
            return None
        g = next(arrived)
        if g is None and self.ctx._materialize:
            g = np.zeros(form.shape, form.dtype)
        return None if g is None else _read_only(g)


def _recorded(
    cls: type[Function],
    ctx: FunctionCtx,
    args: tuple[Any, ...],
    tensors: list[TensorBase],
    results: list[Any],
    outputs: list[TensorBase],
) -> Node:
    """A node for a call of `apply`, which holds what forward saved."""
    keep: list[tuple[str, int]] = []
    slots: list[int | None] = []
    owners: list[TensorBase] = []
    tracked: dict[int, TensorBase] = {}
    elsewhere = 0
    for tensor in ctx._saved:
        if tensor is None:
            slots.append(None)
            continue
        constant = any(tensor is c for c in ctx._constants)
        at = next((i for i, t in enumerate(tensors) if t is tensor), None)
        made = next((i for i, t in enumerate(outputs) if t is tensor), None)
        if at is not None:
            entry = (INPUT, at)
        elif made is not None and not constant:
            entry = (OUTPUT, made)
        else:
            entry = (BYPRODUCT, elsewhere)
            elsewhere += 1
            if tensor._requires_grad:
                tracked[len(keep)] = tensor
        slots.append(len(keep))
        keep.append(entry)
        owners.append(tensor)
    ctx._saved = ()  # the node holds the arrays; the tensors would hold the node

    names = _names(cls, len(args))
    inputs = tuple(i for i, arg in enumerate(args) if isinstance(arg, TensorBase))
    forms = tuple(Form(r._array.shape, r._array.dtype) if isinstance(r, TensorBase) else None for r in results)
    shapes = tuple(t._array.shape for t in tensors)
    rule = _Rule(cls, names, inputs, shapes, forms, tuple(slots), ctx, tracked)
    positional = [(WANTED, None), *((COTANGENT, i) for i in range(len(outputs)))]
    positional += [(SAVED, i) for i in range(len(keep))]
    plan = Plan(tuple(keep), (Rule(-1, rule, None, tuple(positional), ()),), None, len(tensors))

    op = _operation(cls, tuple(names[i] for i in inputs), len(outputs), elsewhere)
    params = {name: arg for name, arg in zip(names, args, strict=True) if isinstance(arg, (bool, int, float, str))}
    arrays = [t._array for t in tensors]
    sources = tuple(source_of(t) if t._requires_grad else Form(t._array.shape, t._array.dtype) for t in tensors)
    node = record(op, plan, tensors, arrays, sources, params, outputs[0]._array, STATE.get(), sys._getframe(2))
    node.others = tuple(Form(out._array.shape, out._array.dtype) for out in outputs[1:])
    cells = [version_cell(owner) for owner in owners]
    node.saved, node.cells = tuple(owner._array for owner in owners), tuple(cells)
    node.counts = tuple(bytes(cell) for cell in cells)
    return node


def _operation(cls: type[Function], inputs: tuple[str, ...], outputs: int, saves: int) -> _Operation:
    """One for each way in which a Function is called, kept with the class."""
    known: dict[Any, _Operation] | None = cls.__dict__.get("_operations")
    if known is None:
        known = {}
        cls._operations = known  # type: ignore[attr-defined]  # each class has its own
    key = inputs, outputs, saves
    if key not in known:
        known[key] = _Operation(cls.__name__, *key)
    return known[key]


def _names(cls: type[Function], count: int) -> tuple[str, ...]:
    """The names of the arguments of forward, those of `*xs` as "xs[0]"."""
    names: list[str] = []
    parameters = [*inspect.signature(cls.forward).parameters.values()]
    for parameter in parameters if cls.setup_context is not Function.setup_context else parameters[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{i}]" for i in range(count - len(names))]
        elif parameter.kind is not parameter.VAR_KEYWORD:
            names.append(parameter.name)
    return tuple(names[:count])


def _in_order(cls: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any], apart: bool) -> tuple[Any, ...]:
    """Arguments given by name put in their places; defaults are filled in for `setup_context`, as in PyTorch."""
    try:
        bound = inspect.signature(cls.forward).bind(*(() if apart else (None,)), *args, **kwargs)
    except TypeError as error:
        raise DTypeError(f"{cls.__name__}: {error}") from None
    if apart:
        bound.apply_defaults()
    if bound.kwargs:
        raise DTypeError(f"{cls.__name__}: forward takes {', '.join(bound.kwargs)} by name only, apply cannot give it")
    return bound.args if apart else bound.args[1:]


def _spreads_to(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    """Whether an array of `shape` broadcasts to the larger shape."""
    lead = len(larger) - len(shape)
    return lead >= 0 and all(a in (1, b) for a, b in zip(shape, larger[lead:], strict=True))


def _cut(tensor: Any) -> Any:
    """The same memory without a history."""
    result = make_tensor(tensor._array)
    result._version, result._alias = version_cell(tensor), True
    return result


def _read_only(value: Any) -> Any:
    """What backward is given: tensors as they are, an array as a tensor that cannot be written to.

    A cotangent may be another tensor's too, and a saved array is what its owner holds.
    """
    if isinstance(value, TensorBase):
        return value
    view = np.asarray(value).view()
    view.flags.writeable = False
    return make_tensor(view)
