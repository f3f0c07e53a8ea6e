"""gradcheck and gradgradcheck: gradients against differences of values.

What is compared is the Jacobian, entry by entry: one backward walk gives a row, two evaluations a column. Where there
are many rows or columns, a few random combinations of them are compared instead: <v, J u>, computed from either side.
The same two forms, and the idea that a gradient's gradient is checked by the same means, are in PyTorch's "Gradcheck
mechanics", https://docs.pytorch.org/docs/stable/notes/gradcheck.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import grad
from ..modes import Observer
from ..node import Array, Node, TensorBase, make_tensor
from ..primitive import Primitive
from . import saved
from .blocks import Comparison, Options
from .errors import GradcheckError
from .function import Function, Probes, input_names, spread
from .report import number


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
    max_elements: int = 500,
    directions: int = 4,
    allow_kinks: bool = False,
    rng: np.random.Generator | None = None,
) -> bool:
    """Whether the gradients of `func(*inputs)` agree with differences of its values; if not, GradcheckError says where.

    Checked are the inputs (one tensor or several, float64) that require a gradient, against every floating-point result
    that does. Every value of an input is moved by `eps` to both sides; an input or output of more than `max_elements`
    values, or any with `fast_mode`, is looked at in `directions` random directions (from `rng`, the same ones each time
    unless given), and a mistake is then followed to one value. An analytic value a and a numeric one n agree if
    |a - n| <= atol + rtol * max(|a|, |n|), where atol shrinks with the largest gradient if all are below 1, down to
    what rounding allows: else a small wrong gradient would pass.

    At a kink (relu at 0) no difference is right: such places are reported as kinks, not as mistakes. The error's `kind`
    is "kink" then; with `allow_kinks` any value between the two one-sided slopes is accepted. Beside a kink, a step of
    eps/100 decides.

    Also refused: results that change from call to call by more than `nondet_tol`, values that are not finite, inputs
    changed in place, saved arrays changed behind the engine's back, gradients that are not linear in what arrives.
    With `raise_exception=False` all of these give False. Gradients in `.grad`, modes and inputs stay as they are.
    """
    options = Options(eps, atol, rtol, nondet_tol, 0 if fast_mode else max_elements, directions, allow_kinks, rng)
    arguments = as_tuple(inputs)
    names = input_names(func, len(arguments))
    return _answer(raise_exception, lambda: check(Function(_label("gradcheck", func), func, arguments, names), options))


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
    max_elements: int = 500,
    directions: int = 4,
    allow_kinks: bool = False,
    rng: np.random.Generator | None = None,
) -> bool:
    """Whether the gradients of the gradients of `func` are right, with respect to its inputs and to `grad_outputs`.

    The gradient, for `grad_outputs` (random ones unless given), is itself a function, and `gradcheck` is what checks
    it; see there for the keywords. That the gradient is right in the first place is not checked: do `gradcheck` too.
    """
    options = Options(eps, atol, rtol, nondet_tol, 0 if fast_mode else max_elements, directions, allow_kinks, rng)
    arguments = as_tuple(inputs)
    names = input_names(func, len(arguments))
    given = None if grad_outputs is None else as_tuple(grad_outputs)
    label = _label("gradgradcheck", func)
    return _answer(raise_exception, lambda: check(gradient_of(label, func, arguments, names, given, rng), options))


def gradient_of(
    label: str,
    func: Callable[..., Any],
    inputs: Sequence[Any],
    names: Sequence[str],
    grad_outputs: Sequence[Any] | None = None,
    rng: np.random.Generator | None = None,
) -> Function:
    """The gradient of `func` as a function of its inputs and of the cotangents of its outputs."""
    first = Function(label, func, inputs, names)
    with first:
        shapes = [out._array.shape for out in first.outputs()]
    if grad_outputs is None:
        rng = rng or np.random.default_rng(0)
        grad_outputs = [make_tensor(spread(int(np.prod(s)), rng).reshape(s), requires_grad=True) for s in shapes]
    elif [getattr(g, "shape", None) for g in grad_outputs] != shapes:
        given = [getattr(g, "shape", None) for g in grad_outputs]
        raise ShapeError(f"{label}: grad_outputs have the shapes {given}, the outputs {shapes}")
    count = len(inputs)

    def gradient(*arguments: Any) -> tuple[Any, ...]:
        result = func(*arguments[:count])
        parts = result if isinstance(result, (tuple, list)) else [result]
        outputs = [parts[i] for i in first.positions]
        found = grad(outputs, first.targets, arguments[count:], create_graph=True, allow_unused=True)
        pairs = zip(found, first.targets, strict=True)
        return tuple(make_tensor(np.zeros_like(t._array)) if g is None else g for g, t in pairs)

    single = len(shapes) == 1
    more = ["grad_output" if single else f"grad_outputs[{i}]" for i in range(len(shapes))]
    results = [f"(gradient of {name})" for name in first.names]
    return Function(label, gradient, [*inputs, *grad_outputs], [*names, *more], results)


def check(function: Function, options: Options) -> bool:
    """Compare the analytic and the numeric Jacobian of a function; an error tells all that disagrees."""
    rng = options.rng or np.random.default_rng(0)
    label = function.label
    with function as f:
        outputs = f.outputs(_Guard(label))
        here = f.here
        for name, values in zip(f.output_names, here, strict=True):
            if not np.isfinite(values).all():
                wrong = values[~np.isfinite(values)].reshape(-1)[0]
                raise GradcheckError(f"{label}: {name} holds {wrong} at the given inputs", "non-finite")
        f.outputs()
        for name, once, twice in zip(f.output_names, here, f.here, strict=True):
            _same(label, name, once, twice, options.nondet_tol)
        weights = [spread(values.size, rng).reshape(values.shape) for values in here]
        together = _twice(f, outputs, weights, options.nondet_tol)
        rows = [Probes(values.shape, options.max_elements, options.directions, rng) for values in here]
        columns = [Probes(point.shape, options.max_elements, options.directions, rng) for point in f.points]
        comparison = Comparison(f, outputs, rows, columns, options)
        _linear(f, outputs, weights, together, comparison)
        blocks = comparison.blocks()
        if blocks:
            text = "\n".join(block.text(options.eps) for block in blocks)
            kinds = [block.kind for block in blocks]
            raise GradcheckError(f"{label}: {text}", next(k for k in ("wrong", "kink", "rounding") if k in kinds))
    return True


def _answer(raise_exception: bool, ask: Callable[[], bool]) -> bool:
    try:
        return ask()
    except GradcheckError:
        if raise_exception:
            raise
        return False


def as_tuple(values: Any) -> tuple[Any, ...]:
    """Several values as they are, one as a tuple of one."""
    return tuple(values) if isinstance(values, (tuple, list)) else (values,)


def _label(name: str, func: Callable[..., Any]) -> str:
    told = func.name if isinstance(func, Primitive) else getattr(func, "__name__", "<")
    return name if told.startswith("<") else f"{name} of {told}"


def _same(label: str, what: str, once: Array, twice: Array, tolerance: float) -> None:
    """An error unless two calls gave the same, but for the last bits, which depend on where in memory arrays lie."""
    apart = np.abs(once - twice).max(initial=0.0) if once.shape == twice.shape else np.inf
    if not apart <= tolerance + 1e-14 * np.abs(once).max(initial=1.0) and np.isfinite(once).all():
        raise GradcheckError(
            f"{label}: {what} differs between two calls with the same inputs, by up to {number(apart)}: does the "
            "function draw random numbers or keep state? Seed a generator inside it, as in "
            "lambda x: tg.dropout(x, generator=np.random.default_rng(0))",
            "nondeterministic",
        )


def _twice(f: Function, outputs: list[TensorBase], weights: list[Array], tolerance: float) -> list[Array]:
    """The gradients for cotangents of all outputs; an error unless a second walk finds everything as the first did."""
    given = [weight.copy() for weight in weights]
    once = f.gradients(outputs, given, _Guard(f.label))
    if any(not np.array_equal(a, b) for a, b in zip(weights, given, strict=True)):
        raise GradcheckError(f"{f.label}: a backward rule writes to the gradient that it is given", "mutation")
    for name, a, b in zip(f.names, once, f.gradients(outputs, given, _Guard(f.label)), strict=True):
        _same(f.label, f"the gradient of {name}", a, b, tolerance)
    return once


def _linear(
    f: Function, outputs: list[TensorBase], weights: list[Array], together: list[Array], comparison: Comparison
) -> None:
    """An error unless the gradient for a weighted sum of outputs is the weighted sum of the gradients."""
    sums = [np.zeros_like(point) for point in f.points]
    sizes = [0.0] * len(sums)
    for j, (out, weight) in enumerate(zip(outputs, weights, strict=True)):
        for i, part in enumerate(f.gradients([out], [weight])):
            sums[i] = sums[i] + part
            sizes[i] += np.abs(part).max(initial=0.0)
            if comparison.rows[j].every:
                row = comparison.analytic[j][i]
                size = (np.abs(weight).reshape(-1) @ np.abs(row)).max(initial=0.0)
                _agree(f, f.names[i], comparison.columns[i].project(part), weight.reshape(-1) @ row, size)
    for name, sum_, whole, size in zip(f.names, sums, together, sizes, strict=True):
        _agree(f, name, whole, sum_, size)


def _agree(f: Function, name: str, whole: Array, parts: Array, size: float) -> None:
    apart = np.abs(whole - parts).max(initial=0.0)
    if not apart <= 1e-3 * size + 1e-10 and np.isfinite(parts).all():
        raise GradcheckError(
            f"{f.label}: the gradient of {name} is not linear in the gradients that arrive at the outputs: for all "
            f"together it differs from the sum of those for each, by up to {number(apart)}",
            "not linear",
        )


class _Guard(Observer):
    """Notices saved arrays that are written to between the call that saved them and a walk."""

    def __init__(self, label: str) -> None:
        self.label = label

    def called(self, primitive: Primitive, arrays: Any, outputs: Any, node: Node | None) -> None:
        if node is not None:
            saved.watch(node)

    def visited(self, node: Node, cotangents: Any) -> None:
        name = saved.raw_write(node)
        if name is not None:
            raise GradcheckError(f"{self.label}: {saved.raw_write_text(node, name)}", "mutation")
