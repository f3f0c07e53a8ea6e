"""Primitives: differentiable operations, how they are registered, and how a call of one is recorded."""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Sequence
from types import FrameType, MethodType
from typing import Any

import numpy as np

from .dtypes import FLOAT32, FLOAT64, result_type
from .errors import DTypeError, GradientError, ShapeError, TensorgradError
from .kernels.sums import accurate_sum
from .modes import STATE, State, hidden_files
from .node import Array, Form, Node, Source, TensorBase, make_tensor, version_cell
from .rules import BYPRODUCT, INPUT, OUTPUT, Plan, make_plan

ndarray, asarray = np.ndarray, np.asarray
NOTHING: dict[str, Any] = {}  # the parameters of the calls that have none
CONSTANT = bytearray()  # the version cell of what is no tensor's: writes to a user's array or number are not noticed
NO_INPUT = {str, bytes, list, tuple, set, dict}  # NumPy would make an array of some, and Python repeat them
next_number = itertools.count().__next__
_verify: Callable[..., None] | None = None


def set_verifier(verifier: Callable[..., None]) -> None:
    """`check` says here how a primitive registered with `check=True` is verified."""
    global _verify
    _verify = verifier


class Primitive:
    """A differentiable operation: a forward function on arrays and its VJPs. Made by `@primitive` or `@elementwise`."""

    def __init__(
        self,
        forward: Callable[..., Any],
        *,
        outputs: tuple[str, ...] = ("out",),
        saves: tuple[str, ...] = (),
        differentiable: bool = True,
        elementwise: bool = False,
        fixed: tuple[str, ...] = (),
        floats: bool = False,
        view: bool = False,
        composed: Callable[..., Any] | None = None,
        check: bool = False,
    ) -> None:
        self.forward = forward
        self.name = forward.__name__.strip("_")
        self.outputs, self.saves = outputs, saves
        self.differentiable = differentiable
        self.elementwise, self.fixed, self.floats = elementwise, fixed, floats
        self.view = view
        self.composed = composed
        self.check = check
        names = inspect.signature(forward).parameters.values()
        for p in names:
            if p.kind is p.VAR_KEYWORD or (p.kind is not p.KEYWORD_ONLY and p.default is not p.empty):
                raise GradientError(
                    f"{self.name}: {p}: an input has no default (pass None), and parameters are named one by one, "
                    "after a *"
                )
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in names)
        self.inputs = tuple(p.name for p in names if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD))
        self.defaults = {p.name: p.default for p in names if p.kind is p.KEYWORD_ONLY}
        self.rules: list[Callable[..., Any] | None] = []
        self.rule_for_all: Callable[..., Any] | None = None
        self.joint: Callable[..., Any] | None = None
        self.plans: dict[int, Plan] = {}
        self._plain = len(outputs) == 1 and not saves  # the forward returns the one output itself
        for name in {"g", "out"} & set(self.inputs):
            raise GradientError(f"{self.name}: an input may not be called {name!r}: rules use that name for a gradient")
        functools.update_wrapper(self, forward)

    def __repr__(self) -> str:
        return f"<primitive {self.name}({', '.join([*self.inputs, *self.defaults])})>"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method of a class a primitive takes the instance for its first input, as a function would."""
        return self if instance is None else MethodType(self, instance)

    # Registration. What a rule needs it says by the names of its parameters; see rules.py.

    def defvjps(self, *rules: Callable[..., Any] | None) -> None:
        """One VJP for each input, in order; None where there is no gradient (an index, a condition)."""
        if self.variadic or len(rules) != len(self.inputs):
            raise GradientError(f"{self.name}: {len(rules)} VJPs for the inputs {', '.join(self.inputs)}")
        self.rules = list(rules)
        self.plans.clear()

    def defvjp_all(self, rule: Callable[..., Any]) -> None:
        """One VJP for any number of inputs: `rule(g, i, ...)` is called for each wanted input number i."""
        self.rule_for_all = rule
        self.plans.clear()

    def defvjp_joint(self, rule: Callable[..., Any]) -> None:
        """One VJP for all inputs, to share work: `rule(wanted, g, ...)` -> a tuple, a gradient or None for each."""
        self.joint = rule
        self.plans.clear()

    def name_of(self, kind: str, number: int) -> str:
        """The name of an input, output or by-product by its number."""
        if kind == INPUT:
            return f"{self.inputs[0]}[{number}]" if self.variadic else self.inputs[number]
        return (self.outputs if kind == OUTPUT else self.saves)[number]

    def _plan(self, key: int, arrays: Sequence[Any], params: dict[str, Any], results: Sequence[Array]) -> Plan:
        """What to keep for one set of wanted inputs, worked out when it first occurs."""
        if not self.view and any(array is result for array in arrays for result in results):
            raise GradientError(f"{self.name}: the forward returns an input itself: return a copy, or say view=True")
        self._verify_once(arrays, params)
        plan = self.plans[key] = make_plan(self, key, len(arrays))
        return plan

    def _verify_once(self, arrays: Sequence[Any], params: dict[str, Any]) -> None:
        if self.check and _verify is not None:
            self.check = False  # while the verifier calls this primitive; it sets it again if the rules fail
            _verify(self, arrays, params)

    def __call__(self, *args: Any, **params: Any) -> Any:
        """Compute the output; record a node if an input requires a gradient."""
        # This is the hot path: a scalar operation spends all its time here, so it is written flat.
        if params:
            args, params = _bound(self, args, params)
        arrays: list[Any] = []
        sources: list[Source] = []
        wanted, bit = 0, 1  # wanted: a mask of the inputs that want a gradient
        tensors, others = False, False  # are there tensors; are there inputs of which only the form is to be kept
        dtype, plain = None, True  # plain: all tensors are floats of one dtype, all others Python numbers
        for arg in args:
            if isinstance(arg, TensorBase):
                tensors = True
                data = arg._array
                arrays.append(data)
                if arg._requires_grad:
                    wanted |= bit
                    node = arg.node
                    sources.append(arg if node is None else (node, arg.index) if arg.index else node)
                else:
                    sources.append(None)
                    others = True
                if data.dtype is not dtype:
                    plain = plain and dtype is None and (data.dtype is FLOAT32 or data.dtype is FLOAT64)
                    dtype = data.dtype
            else:
                kind = arg.__class__
                arrays.append(arg)
                if kind is float or kind is int:
                    sources.append(arg)
                else:
                    if kind is not ndarray and kind in NO_INPUT:
                        _checked(self, args)  # which says so
                    sources.append(None)
                    others, plain = True, False
            bit += bit

        if not plain and tensors:
            # Mixed dtypes: cast to the common one by recorded casts, then start again.
            cast = _promoted(self, args) if self.elementwise else _checked(self, args)
            if cast is not None:
                return self(*cast, **params)
        if self.composed is not None and wanted and STATE.get().recording:
            self._verify_once(arrays, params)
            return self.composed(*args, **params)

        try:
            result = self.forward(*arrays, **params) if params else self.forward(*arrays)
        except (ValueError, TypeError, AttributeError) as error:
            if not isinstance(error, TensorgradError):
                _explain(self, args, error)
            raise
        if not tensors:
            return result if not self.saves else result[0] if len(self.outputs) == 1 else result[: len(self.outputs)]
        state = STATE.get()
        results: tuple[Array, ...]
        if self._plain:
            results = (result if result.__class__ is ndarray else asarray(result),)
        else:
            _check_count(self, result)
            results = tuple([asarray(r) for r in result[: len(self.outputs)]])
        first = results[0]
        this = first.dtype
        floats = this is FLOAT32 or this is FLOAT64 or any(r.dtype.kind == "f" for r in results)
        node = None
        if not (wanted and floats and state.recording and self.differentiable):
            _check_results(self, results)
            outs = tuple([make_tensor(r) for r in results])
        else:
            if len(params) < len(self.defaults):
                params = {**self.defaults, **params}
            # One plan for each set of wanted inputs and, where any number may be given, for each number: `bit` is one
            # beyond the last input's by now.
            plan = self.plans.get(wanted | bit) or self._plan(wanted | bit, arrays, params, results)
            from_ = tuple(sources) if not others else _with_forms(sources, arrays)
            node = record(self, plan, args, arrays, from_, params, first, state, sys._getframe(1))
            if self._plain:
                outs = (make_tensor(first, True, node),)
            else:
                # Integer outputs are leaves: an index that is kept must not keep the graph alive.
                outs = tuple(
                    [
                        make_tensor(r, True, node, i) if r.dtype.kind == "f" else make_tensor(r)
                        for i, r in enumerate(results)
                    ]
                )
                node.others = tuple([Form(r.shape, r.dtype) for r in results[1:]])
            if plan.few is None:
                _save(node, [*arrays, *results], [*args, *outs], result)

        if self.view and isinstance(args[0], TensorBase):
            for out in outs:
                if np.may_share_memory(out._array, arrays[0]):
                    out._version = version_cell(args[0])
                    out._alias = True
        if state.observers:
            for observer in state.observers:
                observer.called(self, arrays, results, node)
                if node is None:
                    observer.unrecorded(self, arrays, results, {**self.defaults, **params})
        return outs[0] if len(outs) == 1 else outs


def binary(op: Primitive, a: Any, b: Any) -> Any:
    """`op(a, b)` for the operators of Tensor, with their usual case written out, which saves a quarter of its time.

    The usual case is that each of the two is a tensor that requires a gradient or a Python number, that the tensors are
    of one float dtype, and that nobody looks on. All else, also to say what is wrong, is left to the general call. `op`
    is an elementwise primitive of two inputs and one output, without parameters.
    """
    state = STATE.get()
    wanted, usual = 0, state.recording and not state.observers
    dtype = None
    if isinstance(a, TensorBase) and a._requires_grad:
        wanted = 1
        x = a._array
        dtype = x.dtype
        node = a.node
        from_a: Source = a if node is None else (node, a.index) if a.index else node
    else:
        x = from_a = a
        usual = usual and (a.__class__ is float or a.__class__ is int)
    if isinstance(b, TensorBase) and b._requires_grad:
        y = b._array
        usual = usual and (not wanted or y.dtype is dtype)
        wanted += 2
        dtype = y.dtype
        node = b.node
        from_b: Source = b if node is None else (node, b.index) if b.index else node
    else:
        y = from_b = b
        usual = usual and (b.__class__ is float or b.__class__ is int)
    if not (usual and wanted and (dtype is FLOAT32 or dtype is FLOAT64)):
        return op(a, b)
    try:
        result = op.forward(x, y)
        frame = sys._getframe(2)  # who called the operator; ValueError if nobody did, because it is what a thread runs
    except ValueError:
        return op(a, b)
    if result.__class__ is not ndarray:
        result = asarray(result)
    args, arrays, from_ = (a, b), (x, y), (from_a, from_b)
    plan = op.plans.get(wanted | 4) or op._plan(wanted | 4, arrays, NOTHING, (result,))
    node = record(op, plan, args, arrays, from_, NOTHING, result, state, frame)
    out = make_tensor(result, True, node)
    if plan.few is None:
        _save(node, [x, y, result], [a, b, out], result)
    return out


def record(
    op: Primitive,
    plan: Plan,
    args: Sequence[Any],
    arrays: Sequence[Any],
    sources: tuple[Source, ...],
    params: dict[str, Any],
    first: Array,
    state: State,
    frame: FrameType,
) -> Node:
    """A node for a call; what is saved is still to be put in if the plan keeps more than a few inputs."""
    node = Node()
    node.primitive = op
    node.plan = plan
    node.params = params
    if len(sources) == 2:
        node.first, node.second = sources
        node.further = ()
    else:
        node.first = sources[0] if sources else None
        node.second = sources[1] if len(sources) > 1 else None
        node.further = sources[2:]
    node.shape = first.shape
    node.dtype = first.dtype
    node.others = ()
    node.hooks = node.retained = None
    node.scope = state.scope
    node.seq = next_number()
    code = frame.f_code
    while hidden_files[code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    node.code = code
    node.offset = frame.f_lasti
    few = plan.few
    if not few:
        node.saved = node.cells = node.counts = ()
    elif len(few) == 1:
        (i,) = few
        cell = _cell(args[i])
        node.saved, node.cells, node.counts = (arrays[i],), (cell,), (bytes(cell) if cell else b"",)
    else:
        i, j = few
        cell, other = _cell(args[i]), _cell(args[j])
        node.saved, node.cells = (arrays[i], arrays[j]), (cell, other)
        node.counts = (bytes(cell) if cell else b"", bytes(other) if other else b"")
    return node


def _save(node: Node, arrays: Sequence[Any], owners: Sequence[Any], result: Any) -> None:
    """Keep what the plan says; `arrays` are the inputs and outputs, `owners` the tensors that they are of."""
    op, saved, cells = node.primitive, [], []
    for kind, i in node.plan.keep:
        at = i if kind is INPUT else len(arrays) - len(op.outputs) + i
        saved.append(result[len(op.outputs) + i] if kind is BYPRODUCT else arrays[at])
        cells.append(CONSTANT if kind is BYPRODUCT else _cell(owners[at]))
    node.saved, node.cells, node.counts = tuple(saved), tuple(cells), tuple([bytes(cell) for cell in cells])


def _cell(owner: Any) -> bytearray:
    """The version cell of what a saved array belongs to."""
    if not isinstance(owner, TensorBase):
        return CONSTANT
    cell = owner._version
    return version_cell(owner) if cell is None else cell


def primitive(forward: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a primitive of a function on arrays: its positional arguments are the inputs, keyword-only ones parameters.

    `@primitive` alone, or with options:

    - `outputs=("values", "indices")`: names of several outputs, returned as a tuple; integer ones get no gradient.
    - `saves=("mask",)`: by-products returned after the outputs, for the rules only. They are constants to every
      derivative, so they may only be locally constant: masks, indices, random states.
    - `composed=f`: the same function written in differentiable operations. Called on tensors that are being recorded,
      `f` runs instead of the fused forward, so a fused gradient rule is itself differentiable.
    - `view=True`: outputs can share the first input's memory. It must be said, or writes would go unnoticed.
    - `differentiable=False`: never recorded (comparisons, argmax).
    - `check=True`: verify the VJPs at the first recorded call, see `tensorgrad.check.verify`.

    Then give it its rules: `name.defvjps(...)`, `defvjp_all`, or `defvjp_joint`.
    """
    if forward is None:
        return lambda forward: Primitive(forward, **options)
    return Primitive(forward, **options)


def elementwise(forward: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Make a primitive that works element by element: its inputs broadcast and are cast to a common dtype.

    Its rules may ignore broadcasting: the engine sums a gradient back to its input's shape. Further options:
    `fixed=("condition",)` names inputs that keep their dtype; `floats=True` casts integers to float32 first.
    """
    return primitive(forward, elementwise=True, **options)


def _with_forms(sources: Sequence[Source], arrays: Sequence[Any]) -> tuple[Source, ...]:
    """The sources, with the forms of the arrays that no gradient is wanted for."""
    return tuple(
        [
            Form(array.shape, array.dtype) if source is None and isinstance(array, (ndarray, np.generic)) else source
            for source, array in zip(sources, arrays, strict=True)
        ]
    )


# dtypes and shapes that do not fit


def _bound(op: Primitive, args: tuple[Any, ...], params: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs given by keyword, put in their places; tensors cannot be parameters."""
    for name in op.inputs[len(args) :] if not op.variadic else ():
        if name not in params:
            raise DTypeError(f"{op.name}: the input {name!r} is missing")
        args = (*args, params.pop(name))
    for name, value in params.items():
        if isinstance(value, TensorBase):
            raise DTypeError(f"{op.name}: {name} is a parameter, which no gradient reaches: a tensor cannot be given")
    return args, params


def _checked(op: Primitive, args: Sequence[Any]) -> list[Any] | None:
    """The arguments with NumPy scalars as Python numbers, None if there are none; an error for what cannot be one."""
    changed = False
    checked = []
    for name, arg in zip(op.inputs * len(args) if op.variadic else op.inputs, args, strict=False):
        data = arg._array if isinstance(arg, TensorBase) else arg
        if isinstance(data, np.generic):
            arg = data = data.item()
            changed = True
        if isinstance(data, ndarray):
            if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
                raise DTypeError(f"{op.name}: {name} has dtype {data.dtype}, which tensors cannot have")
        elif type(data) not in (bool, int, float) and (data is not None or op.elementwise):
            raise DTypeError(f"{op.name}: {name} is a {type(data).__name__}, not a tensor, an array or a number")
        checked.append(arg)
    return checked if changed else None


def _promoted(op: Primitive, args: Sequence[Any]) -> list[Any] | None:
    """The arguments of an elementwise primitive cast to their common dtype, or None if they have it already."""
    numbers = _checked(op, args)
    args, changed = numbers or args, numbers is not None
    named = [*zip(op.inputs, args, strict=False)]
    target = result_type(*[getattr(arg, "_array", arg) for name, arg in named if name not in op.fixed])
    if op.floats and target.kind != "f":
        target = FLOAT32
    if all(isinstance(arg, (bool, int, float)) for name, arg in named if name not in op.fixed):
        args = [arg if name in op.fixed else np.asarray(arg, target) for name, arg in named]
        named, changed = [*zip(op.inputs, args, strict=False)], True
    result = []
    for name, arg in named:
        if name not in op.fixed and getattr(arg, "dtype", target) != target:
            arg, changed = astype(arg, dtype=target), True
        result.append(arg)
    return result if changed else None


def promote_all(tensors: Sequence[Any]) -> list[Any]:
    """Tensors and arrays cast to their common dtype."""
    target = result_type(*[getattr(tensor, "_array", tensor) for tensor in tensors])
    return [tensor if tensor.dtype == target else astype(tensor, dtype=target) for tensor in tensors]


def _check_count(op: Primitive, result: Any) -> None:
    expected = [*op.outputs, *op.saves]
    if not isinstance(result, tuple) or len(result) != len(expected):
        got = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"a {type(result).__name__}"
        raise GradientError(f"{op.name}: the forward must return the tuple ({', '.join(expected)}), got {got}")


def _check_results(op: Primitive, results: Sequence[Array]) -> None:
    for name, result in zip(op.outputs, results, strict=True):
        if result.dtype.kind not in "biuf":
            raise GradientError(f"{op.name}: the forward gave {name} of dtype {result.dtype}, expected numbers")


def _explain(op: Primitive, args: Sequence[Any], error: Exception) -> None:
    """Raise an error that says what about the arguments made the forward fail, if that can be seen."""
    if op.elementwise and isinstance(error, ValueError):
        _check_broadcast(op, args)
    try:
        _checked(op, args)
    except DTypeError as told:
        raise told from error
    if not any(hasattr(arg, "dtype") for arg in args) and None in args:  # beside a tensor, None may be meant
        raise DTypeError(
            f"{op.name}: {op.name_of(INPUT, args.index(None))} is None, not a tensor or an array"
        ) from error


def _check_broadcast(op: Primitive, args: Sequence[Any]) -> None:
    shapes = [tuple(getattr(arg, "shape", ())) for arg in args]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        given = ", ".join(f"{name} {shape}" for name, shape in zip(op.inputs, shapes, strict=False))
        raise ShapeError(f"{op.name}: the shapes do not broadcast: {given}") from None


# The primitives that the engine itself needs


@primitive
def sum_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """Sum the axes along which `shape` was broadcast to x's shape: the adjoint of `broadcast_to`."""
    lead = x.ndim - len(shape)
    axes = tuple(i for i in range(x.ndim) if i < lead or (shape[i - lead] == 1 and x.shape[i] != 1))
    return accurate_sum(x, axes, keepdims=False).reshape(shape)


@primitive(view=True)
def broadcast_to(x: Array, *, shape: tuple[int, ...]) -> Array:
    """Repeat x along new or size-1 axes, without a copy."""
    return np.broadcast_to(x, shape)


@primitive
def astype(x: Array, *, dtype: np.dtype[Any]) -> Array:
    """Cast to another dtype; always a copy."""
    return x.astype(dtype)


@primitive
def clone(input: Array) -> Array:
    """A copy in memory of its own; gradients pass through."""
    return input.copy(order="K")


sum_to.defvjps(lambda g, x_shape: broadcast_to(g, shape=x_shape))
broadcast_to.defvjps(lambda g, x_shape: sum_to(g, shape=x_shape))
astype.defvjps(lambda g, x_dtype: astype(g, dtype=x_dtype))
clone.defvjps(lambda g: g)
