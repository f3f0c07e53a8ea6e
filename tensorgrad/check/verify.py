"""A primitive checks itself: the laws that its forward function and its VJPs must keep, tried on one call's arrays.

Let J be the derivative of the forward function. A VJP computes J^T g. So it is linear in g, and <g, J v> = <J^T g, v>
for every direction v: the adjoint test (the "dot-product test" of Claerbout, Earth Soundings Analysis, 1992; why
reverse mode is an adjoint: Griewank and Walther, Evaluating Derivatives, 2nd ed. 2008, chapter 3). J v comes from
differences in float64. Besides: nothing is written to, nothing is remembered between calls, float32 stays float32, and
the VJPs run on tensors, which gives the second derivatives.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..graph import grad
from ..modes import Mode
from ..node import Array, TensorBase, make_tensor
from ..primitive import Primitive
from ..rules import Rule
from .blocks import Options
from .errors import GradcheckError
from .function import Function, spread
from .gradcheck import check, gradient_of
from .report import number
from .saved import checksum

OPTIONS = Options(max_elements=16, directions=3)
UNDECIDED = ("kink", "rounding", "non-finite")


def verify(primitive: Primitive, arrays: Sequence[Any], params: Mapping[str, Any] | None = None) -> None:
    """Try the laws of a primitive on these inputs; GradcheckError names the law that it breaks (also in `kind`).

    The laws are "purity" (inputs, `g` and saved arrays stay as they are, and the same call gives the same), "memory"
    (results are arrays of their own), "dtype", "linearity", "adjoint" and "second order", and "composition" for a fused
    primitive with a composition. Derivatives are tried at these inputs and a little beside them, where a special point
    such as 0 hides nothing; a kink or the edge of the domain decides nothing.

    Random generators among the parameters start every call from the same state, and end in the state they had.
    """
    case = _Case(primitive, arrays, dict(params or {}))
    if not case.wanted or not primitive.differentiable:
        return
    with Mode(recording=True, scope="", observers=()), np.errstate(all="ignore"), case:
        for dtype in (np.float64, np.float32):
            _forward_laws(case, np.dtype(dtype))
        if primitive.composed is not None:
            _composition_law(case)
        else:
            for dtype in (np.float64, np.float32):
                _rule_laws(case, np.dtype(dtype))
        if not case.dtype_given:
            _derivative_law(case, "adjoint", "<g, J v> is not <J^T g, v>")
            _derivative_law(case, "second order", "the VJPs' own derivatives are wrong")


def verify_first_call(primitive: Primitive, arrays: Sequence[Any], params: Mapping[str, Any]) -> None:
    """`verify` for `@primitive(check=True)`: a primitive that fails is tried again at its next call."""
    try:
        verify(primitive, arrays, params)
    except BaseException:
        primitive.check = True
        primitive.plans.clear()  # made while verifying; a call without a plan is what starts a verification
        raise


class _Case:
    """A call that can be repeated exactly."""

    def __init__(self, primitive: Primitive, arrays: Sequence[Any], params: dict[str, Any]) -> None:
        self.primitive, self.name, self.arrays, self.params = primitive, primitive.name, list(arrays), params
        self.names = [primitive.name_of("input", i) for i in range(len(self.arrays))]
        self.wanted = [
            i
            for i, array in enumerate(self.arrays)
            if isinstance(array, np.ndarray)
            and array.dtype.kind == "f"
            and (not primitive.rules or primitive.rules[i] is not None)
        ]
        # astype and its like: they are told which dtype to give.
        self.dtype_given = any(isinstance(p, (np.dtype, type)) for p in params.values())
        self.generators = [p for p in params.values() if isinstance(p, np.random.Generator)]
        self.states = [generator.bit_generator.state for generator in self.generators]

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.rewind()

    def rewind(self) -> None:
        """Put the generators back to where they were."""
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.bit_generator.state = state

    def copies(self, dtype: np.dtype[Any]) -> list[Any]:
        """The inputs in arrays of their own, floats in one dtype."""
        floats = [a for a in self.arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f"]
        return [
            (a.astype(dtype) if any(a is f for f in floats) else a.copy()) if isinstance(a, np.ndarray) else a
            for a in self.arrays
        ]

    def forward(self, arrays: Sequence[Any]) -> list[Array]:
        """The outputs for arrays, brought to one dtype as in every call; nothing is recorded."""
        outs = self.call(*[make_tensor(a) if isinstance(a, np.ndarray) else a for a in arrays])
        return [out._array for out in _tuple(outs)]

    def call(self, *inputs: Any) -> Any:
        """The outputs for tensors, recorded."""
        self.rewind()
        return self.primitive(*inputs, **self.params)

    def tensors(self, arrays: Sequence[Any]) -> list[Any]:
        """The inputs as leaves, where they are arrays."""
        return [make_tensor(a, i in self.wanted) if isinstance(a, np.ndarray) else a for i, a in enumerate(arrays)]

    def broken(self, law: str, text: str) -> GradcheckError:
        """The error for a law."""
        return GradcheckError(f"{self.name}: breaks the {law} law: {text}", law)


def _forward_laws(case: _Case, dtype: np.dtype[Any]) -> None:
    op, first, second = case.primitive, case.copies(dtype), case.copies(dtype)
    before = [checksum(a) for a in first]
    outs = case.forward(first)
    for name, array, sum_ in zip(case.names, first, before, strict=True):
        if checksum(array) != sum_:
            raise case.broken("purity", f"the forward function writes to its input {name}")
    for name, once, again in zip(op.outputs, outs, case.forward(second), strict=True):
        if once.shape != again.shape or once.dtype != again.dtype or not _close(once, again):
            hint = "draw from a generator passed as a parameter, and keep no state"
            raise case.broken("purity", f"two calls with the same inputs give a different {name}: {hint}")
        if np.may_share_memory(once, again):
            raise case.broken("memory", f"two calls give {name} in the same memory: return a new array each time")
        for k, array in enumerate(first):
            if isinstance(array, np.ndarray) and np.may_share_memory(once, array) and not (op.view and k == 0):
                raise case.broken(
                    "memory", f"{name} shares the memory of the input {case.names[k]}: copy it, or declare view=True"
                )
        if once.dtype.kind == "f" and once.dtype != dtype and not case.dtype_given:
            raise case.broken("dtype", f"{name} has dtype {once.dtype} when the inputs have {dtype}")


def _composition_law(case: _Case) -> None:
    arrays = case.copies(np.dtype(np.float64))
    composed = _tuple(case.call(*case.tensors(arrays)))
    for name, fused, out in zip(case.primitive.outputs, case.forward(arrays), composed, strict=True):
        if fused.shape != out._array.shape or not _close(fused, out._array, 1e-9):
            apart = number(np.abs(fused - out._array).max(initial=0)) if fused.shape == out._array.shape else "in shape"
            raise case.broken("composition", f"the fused {name} and the composed one differ by up to {apart}")


def _rule_laws(case: _Case, dtype: np.dtype[Any]) -> None:
    rng = np.random.default_rng(0)
    arrays = case.copies(dtype)
    inputs = case.tensors(arrays)
    outs = [out for out in _tuple(case.call(*inputs)) if out._requires_grad]
    leaves = [inputs[i] for i in case.wanted]
    node = outs[0].node
    assert node is not None
    given: list[tuple[int, Any]] = []
    node.plan = replace(node.plan, rules=tuple(_spied(case, rule, given) for rule in node.plan.rules))

    def gradients(gs: Sequence[Array]) -> list[Array]:
        found = grad(outs, leaves, [make_tensor(g) for g in gs], retain_graph=True, allow_unused=True)
        return [np.zeros_like(leaf._array) if g is None else g._array for leaf, g in zip(leaves, found, strict=True)]

    first, second = (
        [spread(out._array.size, rng).reshape(out._array.shape).astype(out._array.dtype) for out in outs] for _ in "12"
    )
    once = gradients(first)
    kept, given[:] = list(given), []
    again = gradients([g.copy() for g in first])
    for (i, a), (_, b) in zip(kept, given, strict=True):
        name = case.names[i]
        if a.dtype != dtype and not case.dtype_given:
            raise case.broken("dtype", f"the VJP of {name} gives {a.dtype} when the inputs have {dtype}")
        if np.may_share_memory(a, b) and not any(np.may_share_memory(a, s) for s in (*arrays, *(node.saved or ()))):
            raise case.broken("memory", f"the VJP of {name} gives the same memory at each call: return a new array")
    for i, a, b in zip(case.wanted, once, again, strict=True):
        if not _close(a, b):
            raise case.broken("purity", f"the VJP of {case.names[i]} gives another gradient when called again")
    if dtype == np.float64:
        mixed = gradients([2.0 * g - 3.0 * h for g, h in zip(first, second, strict=True)])
        for i, a, b, ab in zip(case.wanted, once, gradients(second), mixed, strict=True):
            size = np.abs(a).max(initial=0.0) + np.abs(b).max(initial=0.0)
            apart = np.abs(2.0 * a - 3.0 * b - ab).max(initial=0.0)
            if np.isfinite(size) and not apart <= 1e6 * np.finfo(first[0].dtype).eps * size:
                raise case.broken(
                    "linearity",
                    f"the VJP of {case.names[i]} is not linear in g: for 2 g - 3 h it is off by up to {number(apart)} "
                    f"from 2 times that for g minus 3 times that for h, of sizes up to {number(size)}",
                )


def _spied(case: _Case, rule: Rule, given: list[tuple[int, Any]]) -> Rule:
    """The same rule, whose arguments must stay as they are, and whose results are noted."""

    def spy(*args: Any, **params: Any) -> Any:
        before = [_checksums(arg) for arg in args]
        result = rule.function(*args, **params)
        for name, arg, sums in zip(inspect.signature(rule.function).parameters, args, before, strict=False):
            if _checksums(arg) != sums:
                which = "the joint VJP" if rule.number < 0 else f"the VJP of {case.names[rule.number]}"
                raise case.broken("purity", f"{which} writes to {name}")
        shares = enumerate(result) if rule.number < 0 else [(rule.number, result)]
        given.extend((i, np.asarray(share)) for i, share in shares if isinstance(share, (np.ndarray, np.generic)))
        return result

    return replace(rule, function=spy, in_parts=False)


def _checksums(arg: Any) -> list[int | None]:
    return [checksum(part) for part in (arg if isinstance(arg, tuple) else (arg,))]


def _derivative_law(case: _Case, law: str, text: str) -> None:
    """gradcheck, or gradgradcheck, at the inputs and beside them; in a few random directions if they are big."""
    rng = np.random.default_rng(0)
    points = case.copies(np.dtype(np.float64))
    # At the inputs; beside them; and if that is outside of the domain, with zeros left as they are.
    for scale, rest in ((0.0, 0.0), (1e-2, 1e-2), (1e-2, 0.0)):
        arrays = [
            x + (scale * x + rest) * rng.uniform(-1, 1, x.shape) if i in case.wanted else x
            for i, x in enumerate(points)
        ]
        inputs = case.tensors([np.asarray(x) if isinstance(x, np.generic) else x for x in arrays])
        try:
            check(_function(case, law, inputs), OPTIONS)
        except GradcheckError as error:
            if error.kind in UNDECIDED:
                continue
            raise case.broken(law, f"{text}: {error}") from None
        except Exception as error:
            if law == "adjoint":
                raise
            raise case.broken(law, f"its VJPs do not run on tensors: {type(error).__name__}: {error}") from error
        if scale:
            return


def _function(case: _Case, law: str, inputs: list[Any]) -> Function:
    label = "gradcheck" if law == "adjoint" else "gradgradcheck"
    make: Callable[..., Function] = Function if law == "adjoint" else gradient_of
    return make(label, case.call, inputs, case.names)


def _tuple(result: Any) -> tuple[TensorBase, ...]:
    return result if isinstance(result, tuple) else (result,)


def _close(a: Array, b: Array, relative: float = 1e-12) -> bool:
    """Equal but for the last bits, which may depend on where in memory arrays lie."""
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    exact = max(relative, 8 * float(np.finfo(a.dtype).eps))
    scale = np.abs(b[np.isfinite(b)]).max(initial=0.0)
    return np.allclose(a, b, rtol=exact, atol=exact * float(scale), equal_nan=True)
