"""Kinds of operation on tensors of any shape, alone, by two, or along an axis; recorded assignment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .kinks import apart, from_integers, from_ties, from_zero

if TYPE_CHECKING:
    from .builder import Builder


class Unfit(Exception):
    """No tensor of the program fits this kind, or there are too many leaves."""


@dataclass(frozen=True)
class Kind:
    name: str
    draw: Callable[[Builder], Any]


KINDS: dict[str, Kind] = {}


def kind(name: str) -> Callable[[Any], Any]:
    """Register a function that draws a step: it returns an expression or lines, and how far from a kink it is."""

    def register(function: Any) -> Any:
        assert name not in KINDS, name
        KINDS[name] = Kind(name, function)
        return function

    return register


def elementwise(table: dict[str, str], kink: Callable[[np.ndarray], float] | None = None) -> None:
    """Kinds of one tensor of any shape, {x}."""
    for name, template in table.items():

        def draw(b: Builder, template: str = template) -> Any:
            x = b.any()
            return template.format(x=x), np.inf if kink is None else kink(b[x])

        kind(name)(draw)


def of_two(table: dict[str, str], kink: Callable[[np.ndarray, np.ndarray], float] | None = None) -> None:
    """Kinds of two tensors that broadcast, {x} and {y}."""
    for name, template in table.items():

        def draw(b: Builder, template: str = template) -> Any:
            x, y = b.pair()
            return template.format(x=x, y=y), np.inf if kink is None else kink(b[x], b[y])

        kind(name)(draw)


def along(table: dict[str, str], kink: Callable[[np.ndarray, int], float] | None = None, axes: int = 1) -> None:
    """Kinds of one tensor along an axis, {x} and {d}; {n} is its size there."""
    for name, template in table.items():

        def draw(b: Builder, template: str = template) -> Any:
            x = b.any(lambda v: v.ndim >= axes)
            d = b.axis(x)
            n = b[x].shape[d]
            return template.format(x=x, d=d, n=n), np.inf if kink is None else kink(b[x], d)

        kind(name)(draw)


POSITIVE, UNIT = "({x} * {x} + 0.3)", "(0.8 * m.tanh({x}))"

elementwise(
    {
        "neg": "-{x}",
        "exp": "m.exp({x} * 0.5)",
        "exp2": "m.exp2({x})",
        "expm1": "m.expm1({x} * 0.5)",
        "log": f"m.log({POSITIVE})",
        "log1p": "m.log1p({x} * {x})",
        "log2": f"m.log2({POSITIVE})",
        "log10": f"m.log10({POSITIVE})",
        "sqrt": f"m.sqrt({POSITIVE})",
        "rsqrt": f"m.rsqrt({POSITIVE})",
        "reciprocal": f"m.reciprocal({POSITIVE})",
        "square": "m.square({x})",
        "pow of a number": f"{POSITIVE} ** 1.5",
        "pow 3": "{x} ** 3 * 0.2",
        "number ** x": "1.3 ** {x}",
        "sin": "m.sin({x})",
        "cos": "m.cos({x})",
        "tan": f"m.tan({UNIT})",
        "asin": f"m.asin({UNIT})",
        "acos": f"m.acos({UNIT})",
        "atan": "m.atan({x})",
        "sinh": "m.sinh({x} * 0.5)",
        "cosh": "m.cosh({x} * 0.5)",
        "tanh": "{x}.tanh()",
        "asinh": "m.asinh({x})",
        "acosh": "m.acosh({x} * {x} + 1.5)",
        "atanh": f"m.atanh({UNIT})",
        "erf": "m.erf({x})",
        "erfc": "m.erfc({x})",
        "erfinv": f"m.erfinv({UNIT})",
        "sigmoid": "{x}.sigmoid()",
        "logit": "m.logit(m.sigmoid({x}) * 0.9 + 0.05)",
        "deg2rad": "m.deg2rad({x} * 40.0)",
        "nan_to_num": "m.nan_to_num({x})",
        "clone": "{x}.clone()",
        "gelu": "F.gelu({x})",
        "gelu tanh": "F.gelu({x}, approximate='tanh')",
        "silu": "F.silu({x})",
        "mish": "F.mish({x})",
        "softplus": "F.softplus({x}, beta=1.7)",
        "tanhshrink": "F.tanhshrink({x})",
        "logsigmoid": "F.logsigmoid({x})",
        "x / f(x)": f"{{x}} / {POSITIVE}",
        "a * a + a": "{x} * {x} + {x}",
    }
)
# No kink, but PyTorch's second derivative of sinc is nan at 0.
elementwise({"sinc": "m.sinc({x} * 0.7)"}, from_zero)
elementwise(
    {
        "abs": "m.abs({x})",
        "relu": "{x}.relu() + 0.1 * {x}",
        "leaky_relu": "F.leaky_relu({x}, 0.2)",
        "elu": "F.elu({x}, 0.7)",
        "celu": "F.celu({x}, 0.5)",
        "selu": "F.selu({x})",
        "softsign": "F.softsign({x})",
        "sign": "{x} * m.sign({x})",
        "copysign of a number": "{x} + m.copysign(0.5 * {x}, {x})",
        "where": "m.where({x} > 0, {x} * 2.0, -0.5 * {x})",
        "masked_fill": "{x}.masked_fill({x} < 0, 0.25)",
        "masked_select": "m.masked_select({x}, {x} > 0)",
        "boolean index": "{x}[{x} < 0]",
    },
    from_zero,
)
elementwise(
    {"floor": "{x} - m.floor({x})", "ceil": "m.ceil({x}) - 0.4 * {x}", "trunc": "{x} - 0.5 * m.trunc({x})"},
    from_integers,
)
elementwise({"frac": "m.frac({x}) + 0.1 * {x}"}, from_integers)
elementwise({"round": "{x} - m.round({x})"}, lambda x: from_integers(x + 0.5))
elementwise(
    {"remainder of a number": "m.remainder({x}, 0.8)", "fmod of a number": "m.fmod({x}, 0.8)"},
    lambda x: from_integers(x, 0.8),
)
elementwise(
    {"clamp": "{x}.clamp(-0.6, 0.9)", "clip by one bound": "m.clip({x}, min=-0.6) + m.clamp({x}, max=0.9)"},
    lambda x: from_zero(x, -0.6, 0.9),
)
elementwise({"hardtanh": "F.hardtanh({x}) + 0.1 * {x}"}, lambda x: from_zero(x, -1, 1))
elementwise(
    {"hardsigmoid": "F.hardsigmoid({x} * 2.0)", "hardswish": "F.hardswish({x} * 2.0)"},
    lambda x: from_zero(2 * x, -3, 3),
)
elementwise({"relu6": "F.relu6({x} * 4.0) + {x}"}, lambda x: from_zero(4 * x, 0, 6))
elementwise(
    {"softshrink": "F.softshrink({x}, 0.3)", "hardshrink": "F.hardshrink({x}, 0.3)"}, lambda x: from_zero(x, -0.3, 0.3)
)
elementwise({"threshold": "F.threshold({x}, 0.2, 0.1) + 0.2 * {x}"}, lambda x: from_zero(x, 0.2))

of_two(
    {
        "add": "{x} + {y}",
        "add alpha": "m.add({x}, {y}, alpha=0.4)",
        "sub": "{x} - 0.5 * {y}",
        "mul": "{x} * {y}",
        "div": "{x} / ({y} * {y} + 1.0)",
        "pow": "({x} * {x} + 0.3) ** m.tanh({y})",
        "atan2": "m.atan2({x}, {y} * {y} + 0.5)",
        "hypot": "m.hypot({x}, {y} * {y} + 0.5)",
        "logaddexp": "m.logaddexp({x}, {y})",
        "logaddexp2": "m.logaddexp2({x}, {y})",
        "xlogy": "m.xlogy({x}, {y} * {y} + 0.3)",
        "lerp": "m.lerp({x}, {y}, 0.3)",
        "lerp by a tensor": "m.lerp({x}, {y}, m.sigmoid({y}))",
        "addcmul": "m.addcmul({x}, {y}, {x}, value=0.3)",
        "addcdiv": "m.addcdiv({x}, {y}, {y} * {y} + 1.0, value=0.3)",
        "broadcast_tensors": "(lambda a, b: a * 0.6 + b * b * 0.2)(*m.broadcast_tensors({x}, {y}))",
    }
)
of_two(
    {
        "maximum": "m.maximum({x}, {y})",
        "minimum": "m.minimum({x}, {y})",
        "fmax": "m.fmax({x}, {y})",
        "fmin": "m.fmin({x}, {y})",
        "clamp by a tensor": "m.clamp({x}, min={y}) + 0.2 * {x}",
        "where of two": "m.where({x} > {y}, {x} * {y}, {x} - {y})",
    },
    apart,
)
of_two(
    {"remainder": "m.remainder({x}, {y} * {y} + 0.5)", "fmod": "m.fmod({x}, {y} * {y} + 0.5)"},
    lambda x, y: from_integers(x / (y * y + 0.5)) * 0.5,
)
of_two({"copysign": "m.copysign({x}, {y})"}, lambda x, y: min(from_zero(x), from_zero(y)))

along(
    {
        "sum": "{x}.sum({d})",
        "mean": "m.mean({x}, {d}, keepdim=True)",
        "prod": "m.prod({x}, {d})",
        "logsumexp": "m.logsumexp({x}, {d})",
        "vector norm": "m.linalg.vector_norm({x}, 2, {d}) + m.linalg.vector_norm({x} * {x} + 0.5, 3, {d})",
        "nansum": "m.nansum({x}, {d}) * 0.5",
        "nanmean": "m.nanmean({x}, {d})",
        "cumsum": "{x}.cumsum({d})",
        "cumprod": "m.cumprod({x}, {d})",
        "logcumsumexp": "m.logcumsumexp({x}, {d})",
        "softmax": "{x}.softmax({d})",
        "log_softmax": "{x}.log_softmax({d})",
        "softmin": "F.softmin({x}, {d})",
        "normalize": "F.normalize({x} + 2.0, dim={d})",
        "flip": "m.flip({x}, ({d},)) * {x}",
        "roll": "m.roll({x}, 1, {d}) - {x}",
        "unsqueeze": "{x}.unsqueeze({d})",
        "movedim": "m.movedim({x}, {d}, 0)",
        "transpose": "{x}.transpose(0, {d})",
        "stack": "m.stack([{x}, {x} * 0.5], {d})",
        "cat": "m.cat([{x}, {x}.tanh(), {x}], dim={d})",
        "repeat_interleave": "m.repeat_interleave({x}, 2, dim={d})",
        "unflatten": "{x}.unflatten({d}, (1, {n}))",
        "narrow": "m.narrow({x}, {d}, {n} - 1, 1)",
        "select": "m.select({x}, {d}, {n} - 1)",
        "index_select": "m.index_select({x}, {d}, m.tensor([{n} - 1, 0, {n} - 1]))",
        "index_fill": "m.index_fill({x}, {d}, m.tensor([0]), 0.3)",
        "split": "(lambda parts: parts[0] * parts[-1])({x}.split(1, dim={d}))",
        "chunk": "m.cat(m.chunk({x}, 2, {d})[::-1], {d})",
        "unbind": "m.unbind({x}, {d})[-1] * m.unbind({x}, {d})[0]",
        "tensor_split": "m.tensor_split({x}, [1], dim={d})[0]",
        "index_add": "m.index_add({x}, {d}, m.tensor([0]), m.narrow({x}, {d}, {n} - 1, 1), alpha=0.5)",
        "index_copy": "m.index_copy({x}, {d}, m.tensor([0]), m.narrow({x}, {d}, {n} - 1, 1) * 2.0)",
    }
)
along({"var": "m.var({x} * 1.5, {d}, correction=0)", "var_mean": "sum(m.var_mean({x}, {d}, correction=0))"})
along(
    {"std": "m.std({x}, {d})", "std_mean": "sum(m.std_mean({x}, {d}, keepdim=True))"},
    lambda x, d: float(np.min(np.std(x, d), initial=np.inf)) if x.shape[d] > 1 else 0.0,
)
along(
    {
        "max": "m.max({x}, {d}).values",
        "min": "m.min({x}, {d}, keepdim=True)[0]",
        "amax": "m.amax({x}, {d})",
        "amin": "m.amin({x}, {d}, keepdim=True)",
        "aminmax": "sum(m.aminmax({x}, dim={d}))",
        "median": "m.median({x}, {d})[0]",
        "nanmedian": "m.nanmedian({x}, {d})[0]",
        "kthvalue": "m.kthvalue({x}, 1, {d})[0]",
        "sort": "m.sort({x}, {d})[0] * {x}",
        "sort descending": "m.sort({x}, dim={d}, descending=True)[0]",
        "topk": "m.topk({x}, max(1, {n} - 1), {d})[0]",
        "argsort and gather": "m.gather({x}, {d}, m.argsort({x}, {d}))",
        "argmax and take_along_dim": "m.take_along_dim({x}, m.argmax({x}, {d}, keepdim=True), {d})",
        "cummax": "m.cummax({x}, {d})[0]",
        "cummin": "m.cummin({x}, {d})[0] + {x}",
    },
    from_ties,
)
elementwise(
    {
        "max of all": "m.max({x}) + m.min({x}) * 0.5",
        "median of all": "m.median({x})",
        "max fan-out": "{x} - m.amax({x})",
    },
    from_ties,
)
elementwise(
    {
        "sum of all": "{x}.sum() * 0.2",
        "mean of all": "{x}.mean() + {x}",
        "reshape": "{x}.reshape(-1)",
        "flatten": "m.flatten({x}) * 0.9",
        "T": "m.permute({x}, tuple(range({x}.ndim))[::-1])",
        "expand": "{x}.expand(2, *{x}.shape)",
        "repeat": "{x}.repeat(2, *[1 for _ in {x}.shape])",
        "atleast_2d": "m.atleast_2d({x})",
        "None and ...": "{x}[None, ...]",
        "squeeze": "m.squeeze({x})",
        "ravel": "m.ravel({x})[None]",
        "diag_embed": "m.diag_embed(m.ravel({x})[:3])",
        "masked_select of all": "m.masked_select({x}, {x} == {x})",
        "take": "m.take({x}, m.tensor([0, 0]))",
        "vdot": "m.vdot(m.ravel({x}), m.ravel({x}))",
        "norm": "m.linalg.norm({x} + 3.0)",
    }
)
along(
    {
        "hstack": "m.hstack([{x}, {x}])",
        "tile": "m.tile({x}, (2,))",
        "slice": "{x}[..., : max(1, {x}.shape[-1] - 1)]",
        "int index": "{x}[-1] * {x}[0]",
        "list index": "{x}[[0, -1, 0]]",
    }
)
along(
    {
        "tril": "m.tril({x}, 1) * {x}",
        "triu": "m.triu({x})",
        "diagonal": "m.diagonal({x}, 0, -2, -1)",
        "mT": "{x}.mT",
        "rot90": "m.rot90({x}, 1, (0, 1))",
        "vstack": "m.vstack([{x}, {x} * 0.5])",
        "step slice": "{x}[::2, 1 - {x}.shape[1] :]",
        "mixed index": "{x}[[0, -1], ..., [0, -1]]",
        "mask index": "{x}[m.tensor([True] + [False] * ({x}.shape[0] - 1))]",
    },
    axes=2,
)


# Assignment and the in-place family: lines that change the tensor {z} they make


def assignments(table: dict[str, str], kink: Callable[[np.ndarray], float] | None = None) -> None:
    for name, template in table.items():

        def draw(b: Builder, template: str = template) -> Any:
            x = b.any(lambda v: v.ndim >= 1)
            z = b.name()
            return template.format(x=x, z=z, d=b.axis(x)), np.inf if kink is None else kink(b[x]), (z,)

        kind(name)(draw)


assignments(
    {
        "z[i] = v": "{z} = {x} * 1.0\n{z}[0] = {z}[-1] * 2.0",
        "z[..., i] = number": "{z} = {x}.clone()\n{z}[..., -1] = 0.5",
        "z[i] = z[i] + v": "{z} = {x} * 0.5\n{z}[-1] = {z}[-1] + {x}[0] * {x}[0]",
        "z += v, used before": "{z} = {x} + 0.5\n{z}_old = {z} * 2.0\n{z} += {x}\n{z} = {z} * {z}_old",
        "mul_ add_": "{z} = {x} * 0.5\n{z}.mul_({x}).add_({x}, alpha=0.3)",
        "index_put": "{z} = {x} * 1.0\n{z}[m.tensor([0])] = {x}[[-1]] * 2.0",
        "scatter": "{z} = m.scatter({x}, {d}, m.argmax({x}, {d}, keepdim=True) * 0, m.narrow({x}, {d}, 0, 1) * 2.0)",
        "scatter_add": "{z} = m.scatter_add({x}, {d}, m.argmax({x}, {d}, keepdim=True) * 0, m.narrow({x}, {d}, 0, 1))",
        "gather repeated": "{z} = m.gather({x}, {d}, m.zeros_like({x}, dtype=m.int64))",
    }
)
assignments(
    {
        "masked_fill_": "{z} = {x} * 2.0\n{z}.masked_fill_({x} < 0, 0.1)",
        "z[mask] = v": "{z} = {x} * 1.0\n{z}[{x} > 0] = {x}[{x} > 0] * 0.5",
    },
    from_zero,
)
