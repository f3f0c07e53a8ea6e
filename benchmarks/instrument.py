"""Timers around what does arithmetic in tensorgrad, put in while its modules are imported.

NumPy's products are often written `a @ b`, and kernels know each other under many names, so that replacing names
afterwards would miss some. Instead each module's source is changed before it is compiled:

- every function and method of `tensorgrad.kernels` and `nn.optim` is timed, inner functions too, which are what runs
  in the pool of threads;
- of `tensorgrad.ops`, the primitives' forward functions and the rules given to `defvjps`, not the public functions,
  whose checks are part of what a graph costs;
- every `a @ b`, `np.matmul`, `np.dot`, `np.tensordot` and `np.einsum` in any of them is timed as a product;
- the sum of two gradients in `tensorgrad.graph` is timed as elementwise;
- a call of a primitive is timed as graph.

Times are of each function alone, without the timed functions it calls. One thread only.
"""

from __future__ import annotations

import ast
import functools
import importlib.abc
import importlib.machinery
import math
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

GEMM, GRAPH, COLUMNS, THREADS = "GEMM", "graph and Python", "columns and transforms", "threads and buffers"

# Which kind a module's work is of, by the first pattern that its last name contains.
KINDS = [
    ("pool|average", "pooling"),
    ("norm", "batch norm"),
    ("softmax|entropy|loss|divergence", "softmax and loss"),
    ("elementwise|activation|special|fused", "elementwise"),
    ("linalg|linear", "linear layers"),
    ("sums|reduce", "sums"),
    ("conv|im2col|columns?$|winograd|layout|window|fold|tile|row|pad$|gemm|pointwise|depthwise", COLUMNS),
    ("thread|pool_of|buffer", THREADS),
]
PRODUCTS = ("matmul", "dot", "tensordot", "einsum")


def kind_of(module: str) -> str:
    """The kind of a module's work; one that no pattern knows stands for itself."""
    if module.startswith("nn.optim"):
        return "optimiser"
    name = module.rpartition(".")[2]
    return next((kind for pattern, kind in KINDS if re.search(pattern, name)), f"other: {name}")


def product_flops(name: str, args: Sequence[Any]) -> int:
    """The multiplications and additions of a product, from the shapes of its arguments."""
    if name == "einsum":
        sizes: dict[str, int] = {}
        for letters, array in zip(args[0].replace(" ", "").partition("->")[0].split(","), args[1:], strict=False):
            sizes |= dict(zip(letters, array.shape, strict=False))
        return 2 * math.prod(sizes.values())
    a, b = args[0], args[1]
    if name == "tensordot":
        axes = args[2] if len(args) > 2 else 2
        shared = a.shape[a.ndim - axes :] if isinstance(axes, int) else [a.shape[i] for i in _axes(axes[0])]
        return 2 * a.size * b.size // max(1, math.prod(shared))
    if a.ndim == 0 or b.ndim == 0:
        return 2 * a.size * b.size
    depth = a.shape[-1]
    rows = a.shape[-2] if a.ndim > 1 else 1
    columns = b.shape[-1] if b.ndim > 1 else 1
    batch = math.prod(_broadcast(a.shape[:-2], b.shape[:-2]))
    return 2 * batch * rows * depth * columns


def _axes(axes: Any) -> Sequence[int]:
    return [axes] if isinstance(axes, int) else axes


def _broadcast(a: Sequence[int], b: Sequence[int]) -> list[int]:
    n = max(len(a), len(b))
    return [x if y == 1 else y for x, y in zip([1] * (n - len(a)) + [*a], [1] * (n - len(b)) + [*b], strict=True)]


def array_bytes(values: Any) -> int:
    """The bytes of all arrays among the values, in tuples and lists too; views count what they show."""
    total = 0
    for value in values:
        if isinstance(value, tuple | list):
            total += array_bytes(value)
        elif not isinstance(value, type):  # a NumPy scalar's class has an attribute of that name too
            total += getattr(value, "nbytes", 0)
    return total


@dataclass
class Cost:
    calls: int = 0
    seconds: float = 0.0  # of the function alone
    flops: int = 0
    bytes: int = 0  # of arguments and results, where the function did not work for another kernel


class Frame:
    """A timed function that has begun."""

    __slots__ = ("below", "master", "name")

    def __init__(self, name: str, master: str) -> None:
        self.name = name
        self.master = master  # the kind that kernels called from here work for
        self.below = 0.0  # seconds of the timed functions called from it


class Clock:
    """The time of each function, less that of timed functions below it."""

    def __init__(self) -> None:
        self.costs: dict[tuple[str, str], Cost] = {}  # by kind and function
        self.stack: list[Frame] = []
        self.is_on = False

    def timed(self, kind: str, name: str, flops: Callable[[Sequence[Any]], int] | None = None) -> Callable[..., Any]:
        """A decorator that counts a function's time under a kind and a name.

        A kernel that another kind of kernel calls works for that one, and counts as it: the sums in a batch norm are
        batch norm. Products and the pool of threads always stand for themselves.
        """

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def timed_function(*args: Any, **kwargs: Any) -> Any:
                if not self.is_on:
                    return function(*args, **kwargs)
                stack = self.stack
                master, caller = (stack[-1].master, stack[-1].name) if stack else ("", "nowhere")
                is_helper = kind not in (GEMM, GRAPH, THREADS) and master != ""
                counted = master if is_helper else kind
                frame = Frame(name, master if kind in (GEMM, THREADS) else "" if kind == GRAPH else counted)
                stack.append(frame)
                start = time.perf_counter()
                try:
                    result = function(*args, **kwargs)
                finally:
                    elapsed = time.perf_counter() - start
                    stack.pop()
                    if stack:
                        stack[-1].below += elapsed
                    key = counted, f"{name} in {caller}" if kind == GEMM else name
                    cost = self.costs.get(key)
                    if cost is None:
                        cost = self.costs[key] = Cost()
                    cost.calls += 1
                    cost.seconds += elapsed - frame.below
                if flops is not None:
                    cost.flops += flops(args)
                if not is_helper:
                    cost.bytes += array_bytes((*args, *kwargs.values(), result))
                return result

            return timed_function

        return decorate

    def product(self, name: str) -> Callable[..., Any]:
        import numpy as np

        timer: Callable[..., Any] = self.timed(GEMM, f"np.{name}", functools.partial(product_flops, name))
        wrapped: Callable[..., Any] = timer(getattr(np, name))
        return wrapped

    def gradient_sum(self) -> Callable[[Any, Any], Any]:
        def add(a: Any, b: Any) -> Any:
            return a + b

        summed: Callable[[Any, Any], Any] = self.timed("elementwise", "graph: sums of gradients")(add)
        return summed


class _Rewrite(ast.NodeTransformer):
    """Puts the timers into one module's source."""

    def __init__(self, module: str) -> None:
        self.module, self.kind = module, kind_of(module)
        self.owner = ""  # the classes and functions around

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        self.owner, before = f"{self.owner}{node.name}.", self.owner
        self.generic_visit(node)
        self.owner = before
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        self.owner, before = f"{self.owner}{node.name}.", self.owner
        self.generic_visit(node)
        self.owner = before
        is_special = node.name.startswith("__") or any("property" in ast.unparse(d) for d in node.decorator_list)
        if not is_special and self._is_timed(node):
            name = f"{self.module.removeprefix('tensorgrad.')}.{self.owner}{node.name}"
            node.decorator_list.append(self._timer(self.kind, name))  # innermost: on the plain function
        elif self.module == "tensorgrad.primitive" and self.owner == "Primitive." and node.name == "__call__":
            node.decorator_list.append(self._timer(GRAPH, "primitive: Primitive.__call__"))
        return node

    def _is_timed(self, node: ast.FunctionDef) -> bool:
        is_generator = any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(node))
        if self.module.startswith(("tensorgrad.kernels", "nn.optim")):
            return not is_generator
        made = any(re.match(r"(\w+\.)?(primitive|elementwise)\b", ast.unparse(d)) for d in node.decorator_list)
        return self.module.startswith("tensorgrad.ops") and made

    def visit_Call(self, node: ast.Call) -> Any:
        is_rules = isinstance(node.func, ast.Attribute) and node.func.attr.startswith("defvjp")
        is_ops = self.module.startswith("tensorgrad.ops")
        self.generic_visit(node)
        if is_rules and is_ops and isinstance(node.func, ast.Attribute):
            name = f"{self.module.removeprefix('tensorgrad.')}: rules of {ast.unparse(node.func.value)}"
            node.args = [
                arg
                if isinstance(arg, ast.Starred) or (isinstance(arg, ast.Constant) and arg.value is None)
                else ast.copy_location(ast.Call(self._timer(self.kind, name), [arg], []), arg)
                for arg in node.args
            ]
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ast.MatMult) and self.module != "tensorgrad.tensor":
            return self._replaced(node, "product_matmul", [node.left, node.right])
        is_sum = self.module == "tensorgrad.graph" and ast.unparse(node) == "total + g"
        return self._replaced(node, "gradient_sum", [node.left, node.right]) if is_sum else node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "np" and node.attr in PRODUCTS:
            return ast.copy_location(ast.Name(f"__product_{node.attr}__", ast.Load()), node)
        return node

    def _replaced(self, node: ast.expr, name: str, args: list[ast.expr]) -> ast.expr:
        return ast.copy_location(ast.Call(ast.Name(f"__{name}__", ast.Load()), args, []), node)

    def _timer(self, kind: str, name: str) -> ast.expr:
        return ast.Call(ast.Name("__timed__", ast.Load()), [ast.Constant(kind), ast.Constant(name)], [])


class _Loader(importlib.machinery.SourceFileLoader):
    clock: Clock

    def get_code(self, fullname: str) -> Any:
        """Compiled anew each time: what is cached has no timers."""
        return self.source_to_code(self.get_data(self.path), self.path)

    def source_to_code(self, data: Any, path: Any, **options: Any) -> Any:  # type: ignore[override]  # stubs differ
        tree = _Rewrite(self.name).visit(ast.parse(data, path))
        return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__timed__"] = self.clock.timed
        module.__dict__["__gradient_sum__"] = self.clock.gradient_sum()
        for name in PRODUCTS:
            module.__dict__[f"__product_{name}__"] = self.clock.product(name)
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, clock: Clock) -> None:
        self.loader = type("Loader", (_Loader,), {"clock": clock})

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] not in ("tensorgrad", "nn"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin is not None and spec.origin.endswith(".py"):
            spec.loader = self.loader(name, spec.origin)
        return spec


def install(clock: Clock) -> None:
    """From now on, tensorgrad's modules are imported with timers that report to the clock."""
    if "tensorgrad" in sys.modules:
        raise RuntimeError("tensorgrad was imported before the timers could be put in")
    sys.meta_path.insert(0, _Finder(clock))
