"""A row of the table of operations, and what is asked of all of them. The rows are in the modules beside this one."""

import importlib
import inspect
import pkgutil
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import nn.functional as F
import tensorgrad as tg
from tensorgrad.node import TensorBase
from tensorgrad.primitive import Primitive

F16, F32, F64, I64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.int64)
PLAIN = (-1.913, 2.071)  # no value drawn from it is 0
POSITIVE, AWAY_FROM_ZERO = (0.21, 2.3), (0.37, 2.61)


class Seed(int):
    """Stands for a generator of this seed, made anew for every call."""


@dataclass(frozen=True, eq=False)
class Row:
    """One way to call one operation.

    An input is a shape, for floats drawn from `domain` (a pair, or a list with a pair per input), all different; or an
    array, a number or None, passed as it is. `call` is how to call `op` when it is not `op(*inputs, **params)`.
    """

    op: Callable[..., Any]
    reference: Callable[..., Any]
    inputs: list[Any]
    params: dict[str, Any] = field(default_factory=dict)
    domain: Any = PLAIN
    call: Callable[..., Any] | None = None
    mixed: bool = False  # some result has another float dtype than the inputs: astype, statistics of float16
    half: bool = True  # float16 is taken; what LAPACK computes refuses it, as PyTorch does

    @property
    def name(self) -> str:
        return name_of(self.op)

    @property
    def id(self) -> str:
        """Operation, inputs and parameters: also the seed of the values, so that they do not change with the table."""
        inputs = ",".join(_brief(x) for x in self.inputs)
        params = ",".join(f"{k}={_brief(v)}" for k, v in self.params.items())
        return "-".join(filter(None, (self.name, inputs.replace(" ", ""), params.replace(" ", ""))))

    def wanted(self) -> list[int]:
        """The numbers of the inputs that are floats of a shape: those that get a gradient."""
        return [i for i, x in enumerate(self.inputs) if isinstance(x, tuple)]

    def values(self) -> list[Any]:
        """The inputs in float64."""
        rng = np.random.default_rng(zlib.crc32(self.id.encode()))
        domains = self.domain if isinstance(self.domain, list) else [self.domain] * len(self.inputs)
        return [
            draw(rng, x, *domain) if isinstance(x, tuple) else x for x, domain in zip(self.inputs, domains, strict=True)
        ]

    def run(self, *inputs: Any) -> Any:
        """The operation on tensors or arrays."""
        params = {k: np.random.default_rng(int(v)) if isinstance(v, Seed) else v for k, v in self.params.items()}
        return (self.call or self.op)(*inputs, **params)

    def expected(self, *inputs: Any) -> tuple[Any, ...]:
        """What the reference gives, always a tuple."""
        params = {k: np.random.default_rng(int(v)) if isinstance(v, Seed) else v for k, v in self.params.items()}
        return as_tuple(self.reference(*inputs, **params))


def name_of(op: Callable[..., Any]) -> str:
    if isinstance(op, Primitive):
        return op.forward.__name__  # with the underscore that tells it from the public function
    return OF_LINALG.get(op, op.__name__)


# The functions that are in `linalg` alone, or others there: {function: "linalg.name"}.
OF_LINALG = {
    getattr(tg.linalg, name): f"linalg.{name}"
    for name in tg.linalg.__all__
    if not isinstance(getattr(tg.linalg, name), type) and getattr(tg, name, None) is not getattr(tg.linalg, name)
}


def as_tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def draw(rng: np.random.Generator, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """Values in random order, evenly spread over a domain: no two are closer than gradcheck's steps."""
    count = int(np.prod(shape))
    return rng.permutation(np.linspace(low, high, count)).reshape(shape) if count > 1 else np.full(shape, high * 0.7)


def primitives() -> dict[str, Primitive]:
    """Every primitive in the package, found by looking through its modules."""
    found = {}
    for info in pkgutil.walk_packages(tg.__path__, "tensorgrad."):
        if info.name == "tensorgrad.nn":
            continue  # passes the names of nn on
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Primitive):
                found[f"{value.forward.__module__}.{value.forward.__qualname__}"] = value
    return dict(sorted(found.items()))


def keyword_values(rows: list[Row]) -> dict[tuple[str, str], set[str]]:
    """{(primitive, keyword): the values it takes over its own rows}."""
    taken: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if isinstance(row.op, Primitive):
            for keyword, default in row.op.defaults.items():
                value = row.params.get(keyword, default)
                assert value is not inspect.Parameter.empty, f"{row.id}: {keyword} is missing"
                taken.setdefault((row.name, keyword), set()).add(_brief(value))
    return taken


# What takes sizes and no tensors, and so has no rows but tests of its own.
OF_SIZES = {"broadcast_shapes", "tril_indices", "triu_indices"}


def public_operations() -> dict[str, Callable[..., Any]]:
    """Every public operation: tensorgrad's by their names, those that `nn.functional` has of its own as "F.name",
    and those of `linalg` as "linalg.name".

    An operation of two names, of which one is an alias as `subtract` for `sub`, is found under its own name alone.
    """
    named = {name: getattr(tg, name) for name in tg.__all__}
    found = {n: f for n, f in named.items() if getattr(f, "__module__", "").startswith("tensorgrad.ops.")}
    found = {n: f for n, f in found.items() if n == name_of(f) or found.get(name_of(f)) is not f}
    found = {n: f for n, f in found.items() if n not in OF_SIZES}
    found |= {name: function for function, name in OF_LINALG.items()}
    return found | {f"F.{n}": getattr(F, n) for n in F.__all__ if getattr(F, n).__module__ == F.__name__}


# The parameters that are tensors wherever they have no default.
TENSORS = {
    "A",
    "B",
    "a",
    "b",
    "batch1",
    "batch2",
    "boundaries",
    "elements",
    "condition",
    "exponent",
    "index",
    "indices",
    "input",
    "mask",
    "mat",
    "mat1",
    "mat2",
    "operands",
    "other",
    "sorted_sequence",
    "source",
    "src",
    "target",
    "tensor",
    "tensor1",
    "tensor2",
    "tensors",
    "values",
    "vec",
    "vec1",
    "vec2",
    "weight",
    "x",
    "y",
    "anchor",
    "input1",
    "input2",
    "logits",
    "negative",
    "positive",
    "x1",
    "x2",
}


def public_keyword_values(rows: list[Row]) -> dict[tuple[str, str], set[str]]:
    """{(public function, keyword): the values it takes over the function's rows}. None and a tensor are two values.

    What is public and a primitive at once is left to `keyword_values`.
    """
    functions = {n: f for n, f in public_operations().items() if not isinstance(f, Primitive)}
    taken: dict[tuple[str, str], set[str]] = {
        (name, p.name): set()
        for name, function in functions.items()
        for p in inspect.signature(function).parameters.values()
        if p.name not in TENSORS or p.default is not p.empty
    }
    names = {function: name for name, function in functions.items()}
    for row in rows:
        for keyword, value in arguments_of(row).items() if row.op in names else ():
            if (names[row.op], keyword) in taken:
                told = "a tensor" if isinstance(value, (TensorBase, np.ndarray)) else _brief(value)
                taken[names[row.op], keyword].add(told)
    return taken


def arguments_of(row: Row) -> dict[str, Any]:
    """The arguments of a row's function as they arrive there: by name or by place, by way of `call`, or by default."""
    code, arrived = inspect.unwrap(row.op).__code__, []

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is code and not arrived:
            arrived.append(dict(frame.f_locals))

    values = row.values()
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        row.run(*values)
    finally:
        sys.setprofile(before)
    assert arrived, f"{row.id} does not call its operation"
    return arrived[0]


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}#{zlib.crc32(value.tobytes()) % 1000}"
    if isinstance(value, tuple):
        return f"({','.join(map(_brief, value))})"
    if isinstance(value, slice):
        return ":".join("" if n is None else str(n) for n in (value.start, value.stop, value.step))
    if isinstance(value, TensorBase):
        return f"tensor{value.data.shape}"
    return "..." if value is Ellipsis else str(value)
