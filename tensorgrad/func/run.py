"""One recorded run of a function whose arguments are differentiated: what all functions of functions start with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..creation import from_numpy
from ..errors import DTypeError, ShapeError
from ..graph import walk
from ..modes import STATE, Mode
from ..node import Node, TensorBase, make_tensor, source_of, version_cell
from ..ops.shape import reshape
from ..primitive import next_number
from ..tensor import Tensor
from .tree import Tree, flatten

Nested = Any  # tensors in dicts, lists, tuples and named tuples


class Variable(Tensor):
    """A leaf that stands in for an argument while a function runs: the caller's tensor is left as it is.

    It shares the argument's memory. Once the function has run it is `live` no more: what depends on nothing else is a
    constant to everybody outside.
    """

    __slots__ = ("live",)

    def __init__(self, like: TensorBase) -> None:
        super().__init__(False)
        self._array, self._version, self._alias = like._array, version_cell(like), True
        self._requires_grad = True
        self.live = True


class Run:
    """A function's outputs for arguments of which some are replaced by variables, and walks back to these.

    Inside, calls are recorded even where they are not outside. What comes out keeps a graph only where calls are
    recorded outside, and only if the graph leads to a tensor of the caller's: an argument that requires a gradient
    itself, or one that the function reaches in another way. So a run may be part of what another run differentiates.
    """

    def __init__(
        self, name: str, func: Callable[..., Any], args: Sequence[Any], kwargs: Any, argnums: Any, has_aux: bool
    ) -> None:
        self.name = name
        self.recording = STATE.get().recording
        self.start = next_number()  # older nodes are not of this run
        self.variables: list[Any] = []
        given, trees = list(args), []
        numbers = _numbers(name, argnums, len(given))
        for number in numbers:
            values, tree = flatten(given[number], f"argument {number}")
            entered = [self._enter(place, value) for place, value in values]
            self.variables += entered
            trees.append(tree)
            given[number] = tree.build(entered)
        self.arguments = Tree(tuple, tuple(range(len(trees))), tuple(trees)) if type(argnums) is tuple else trees[0]
        try:
            with Mode(recording=True):
                result = func(*given, **kwargs)
        finally:
            for variable in self.variables:
                if isinstance(variable, Variable):
                    variable.live = False
        self.aux = None
        if has_aux:
            if not isinstance(result, tuple) or len(result) != 2:
                got = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"type {type(result).__name__}"
                raise DTypeError(f"{name}: with has_aux the function must return (output, aux), got {got}")
            result, aux = result
            values, tree = flatten(aux, "aux")
            self.aux = tree.build([self.released(v) if isinstance(v, TensorBase) else v for _, v in values])
        places, self.tree = flatten(result, "output")
        for place, value in places:
            if not isinstance(value, TensorBase):
                raise DTypeError(f"{name}: the function's {place} is of type {type(value).__name__}, expected a tensor")
        self.outputs: list[Any] = [value for _, value in places]
        self.leads_out = self.recording and any(leads_out(output, self.start) for output in self.outputs)

    def _enter(self, place: str, value: Any) -> Any:
        """What the function is given in the place of a tensor."""
        if isinstance(value, (np.ndarray, np.generic)):
            value = from_numpy(np.asarray(value))
        if not isinstance(value, TensorBase):
            raise DTypeError(
                f"{self.name}: {place} is of type {type(value).__name__}, not a tensor or an array: pass a tensor, or "
                "choose by argnums what is to be differentiated"
            )
        if value._array.dtype.kind != "f":
            raise DTypeError(
                f"{self.name}: {place} has dtype {value._array.dtype}, and only floats have gradients: cast it, for "
                "example with .float(), or choose by argnums what is to be differentiated"
            )
        if self.recording and value._requires_grad:
            return reshape(value, value._array.shape)  # recorded: gradients of what comes out flow on to the argument
        return Variable(value)

    def released(self, tensor: Any) -> Any:
        """A result as the caller may have it: without its graph, unless that leads to a tensor of the caller's."""
        if not tensor._requires_grad or (self.recording and leads_out(tensor, self.start)):
            return tensor
        result = make_tensor(tensor._array)
        result._version, result._alias = version_cell(tensor), tensor._alias
        return result

    def result(self) -> Nested:
        """The function's output, released."""
        return self.tree.build([self.released(output) for output in self.outputs])

    def with_aux(self, has_aux: bool, *results: Any) -> Any:
        """The results as a tuple, with what the function returned beside its output; a single one as it is."""
        results = (*results, self.aux) if has_aux else results
        return results if len(results) > 1 else results[0]

    def gradients(self, found: Sequence[Any]) -> list[Any]:
        """What `pull` found, as tensors, released; zeros for None."""
        return [
            zeros_like(variable) if g is None else self.released(as_tensor(g))
            for variable, g in zip(self.variables, found, strict=True)
        ]

    def transposed(self) -> tuple[list[Any], list[Any]]:
        """J^T u for a variable u of each output: the u's, and the gradients of the variables (None: there is none).

        A walk is linear in the cotangents u that it starts with, and records what it does. So J^T u can be
        differentiated with respect to u in a direction t of the variables: that gives J t, which is what forward mode
        computes. The values of u do not matter. After Jamie Townsend, "A new trick for calculating Jacobian vector
        products" (2017), https://j-towns.github.io/2017/06/12/A-new-trick.html.
        """
        starts = [Variable(zeros_like(output)) for output in self.outputs]
        for start in starts:
            start.live = False
        return starts, pull(self.outputs, starts, self.variables, create_graph=True)

    def scalar(self) -> Any:
        """The output, which must be one tensor without axes."""
        if self.tree.kind is not None:
            raise DTypeError(f"{self.name}: the function returned a {self.tree.kind.__name__}, expected one tensor")
        (output,) = self.outputs
        if output._array.ndim:
            raise ShapeError(
                f"{self.name}: the function's output has shape {output._array.shape}, and only a number has one "
                "gradient: reduce it, for example with .sum(), or use vjp or jacrev"
            )
        return output

    def matching(self, what: str, nested: Any, tree: Tree, tensors: Sequence[Any]) -> list[Any]:
        """The tensors of `nested`, checked to be like `tensors`, which are nested as `tree`."""
        found = []
        for (place, value), like in zip(tree.values_of(self.name, nested, what), tensors, strict=True):
            if isinstance(value, (np.ndarray, np.generic)):
                value = from_numpy(np.asarray(value))
            if not isinstance(value, TensorBase):
                raise DTypeError(f"{self.name}: {place} is of type {type(value).__name__}, expected a tensor")
            if value._array.shape != like._array.shape:
                raise ShapeError(f"{self.name}: {place} has shape {value._array.shape}, expected {like._array.shape}")
            if value._array.dtype != like._array.dtype:
                raise DTypeError(f"{self.name}: {place} has dtype {value._array.dtype}, expected {like._array.dtype}")
            found.append(value)
        return found


def pull(
    roots: Sequence[Any],
    cotangents: Sequence[Any],
    targets: Sequence[Any],
    create_graph: bool = False,
    retain_graph: bool = True,
) -> list[Any]:
    """The gradients of all targets, None for those that the roots do not depend on. The cotangents are tensors."""
    started = cotangents if create_graph else [g._array for g in cotangents]
    found = walk(roots, started, targets, retain_graph, create_graph)
    return [found.get(source_of(target)) for target in targets]


def leads_out(tensor: TensorBase, since: int) -> bool:
    """Whether a tensor depends on a leaf that is no variable of a finished run; older nodes count as such."""
    stack, seen = [source_of(tensor)] if tensor._requires_grad else [], set()
    while stack:
        source = stack.pop()
        node = source[0] if source.__class__ is tuple else source
        if isinstance(node, Node):
            if node.seq < since:
                return True
            if node not in seen:
                seen.add(node)
                stack.extend(node.sources)
        elif isinstance(node, TensorBase) and getattr(node, "live", True):
            return True
    return False


def as_tensor(g: Any) -> Any:
    """A cotangent of a walk as a tensor."""
    return g if isinstance(g, TensorBase) else make_tensor(g)


def zeros_like(tensor: Any) -> Any:
    """Zeros of a tensor's shape and dtype."""
    return make_tensor(np.zeros(tensor._array.shape, tensor._array.dtype))


def _numbers(name: str, argnums: Any, count: int) -> list[int]:
    """Which positional arguments are differentiated, counted from the start."""
    given = argnums if type(argnums) is tuple else (argnums,)
    if any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) for n in given):
        raise DTypeError(f"{name}: argnums must be an int or a tuple of ints, got {argnums!r}")
    outside = [n for n in given if not -count <= n < count]
    if outside:
        raise ShapeError(f"{name}: there is no argument {outside[0]}, the function is called with {count} positional")
    numbers = [int(n) % count for n in given]
    if not numbers and name not in ("vjp", "jvp"):
        raise ShapeError(f"{name}: argnums is empty")
    if len(set(numbers)) < len(numbers):
        raise ShapeError(f"{name}: argnums names an argument twice: {argnums!r}")
    return numbers
