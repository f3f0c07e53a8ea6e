"""A function of tensors at one point: its values near that point, and its gradients there."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import numpy as np

from ..errors import DTypeError, GradientError
from ..graph import grad
from ..modes import Mode, Observer
from ..node import Array, TensorBase, make_tensor
from .errors import GradcheckError


class Probes:
    """Directions in which an array of n values is looked at: all n axes, or a few random ones when there are many."""

    def __init__(self, shape: tuple[int, ...], limit: int, count: int, rng: np.random.Generator) -> None:
        self.shape = shape
        self.size = int(np.prod(shape))
        self.every = self.size <= limit
        self.count = self.size if self.every else count
        # Every value moves, by 0.5 to 1.5: none is left out, and no two wrong ones cancel in all directions.
        self.dense = np.stack([spread(self.size, rng) for _ in range(0 if self.every else count)] or [np.zeros(0)])

    def direction(self, number: int) -> Array:
        """One of them, in the array's shape."""
        return self.part(number, 0, self.size)

    def part(self, number: int, start: int, stop: int) -> Array:
        """The same direction, zero outside of the values from `start` to `stop` in reading order."""
        flat = np.zeros(self.size)
        if self.every:
            flat[number] = 1.0
        else:
            flat[start:stop] = self.dense[number, start:stop]
        return flat.reshape(self.shape)

    def project(self, array: Array) -> Array:
        """The components of an array along all directions."""
        return array.reshape(-1) if self.every else self.dense @ array.reshape(-1)


def spread(size: int, rng: np.random.Generator) -> Array:
    """Random signs times random sizes from 0.5 to 1.5."""
    return rng.choice((-1.0, 1.0), size) * rng.uniform(0.5, 1.5, size)


class Function:
    """`func` of `inputs`, evaluated at will. Inside the `with` block every input that requires a gradient is a leaf of
    its own; afterwards it is what it was, and no `.grad`, mode or observer has been touched.

    The inputs themselves are handed to `func`, not copies, so a function that reaches them in another way, as a module
    reaches its parameters, is evaluated at the same point.
    """

    def __init__(
        self,
        label: str,
        func: Callable[..., Any],
        inputs: Sequence[Any],
        names: Sequence[str],
        results: Sequence[str] | None = None,
    ) -> None:
        self.label, self.func, self.inputs = label, func, inputs
        self.results = results  # what all results are called; then all of them are compared
        self.targets: list[TensorBase] = []
        self.names: list[str] = []
        for name, tensor in zip(names, inputs, strict=True):
            if isinstance(tensor, TensorBase) and tensor._requires_grad and all(tensor is not t for t in self.targets):
                if tensor._array.dtype != np.float64:
                    raise DTypeError(
                        f"{label}: {name} has dtype {tensor._array.dtype}, whose few digits leave none in a "
                        "difference: cast it to float64, for example with x.detach().double().requires_grad_()"
                    )
                self.targets.append(tensor)
                self.names.append(name)
        if not self.targets:
            raise GradientError(
                f"{label}: no input requires a gradient: pass tensors with requires_grad=True, each as an input of its "
                "own (lists of tensors: wrap the function, as in lambda *xs: tg.cat(xs))"
            )
        self.points = [tensor._array for tensor in self.targets]
        self.values = [point.copy() for point in self.points]  # what they held, should anything write to them
        self.here: list[Array] = []  # the compared results at the point
        self.positions: list[int] = []  # and which of all results they are
        self.output_names: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Function:
        self._stack.enter_context(np.errstate(all="ignore"))
        for tensor in self.targets:
            kept = (tensor._array, tensor.node, tensor.index, tensor._requires_grad, tensor._hooks, tensor._version)
            self._stack.callback(_put_back, tensor, kept)
            _put_back(tensor, (tensor._array, None, 0, True, None, None))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._restored()

    def outputs(self, *observers: Observer) -> list[TensorBase]:
        """The compared results at the point, with their graph: those that require a gradient, or all if none does."""
        with Mode(recording=True, scope="", observers=observers):
            result = self.func(*self.inputs)
        changed = self._restored()
        if changed:
            raise GradcheckError(
                f"{self.label}: the function changes its input {changed} in place: let it compute a new tensor",
                "mutation",
            )
        floats = {i: out for i, out in enumerate(_parts(result)) if _is_float(out)}
        chosen = {i: out for i, out in floats.items() if out._requires_grad or self.results} or floats
        if not chosen:
            raise GradientError(f"{self.label}: the function must return floating-point tensors, got {_told(result)}")
        single = isinstance(result, TensorBase)
        self.positions = list(chosen)
        self.output_names = ["output" if single else f"outputs[{i}]" for i in self.positions]
        if self.results is not None:
            self.output_names = [self.results[i] for i in self.positions]
        self.here = [out._array.copy() for out in chosen.values()]
        for name, out in zip(self.output_names, self.here, strict=True):
            if out.dtype != np.float64:
                raise DTypeError(
                    f"{self.label}: {name} has dtype {out.dtype} although the inputs have float64: the function casts "
                    "on its way, and differences of it would have too few digits"
                )
        return list(chosen.values())

    def change(self, number: int, move: Array) -> list[Array]:
        """How much each result changes when input `number` is moved by `move`."""
        return [moved - here for moved, here in zip(self.moved(number, move), self.here, strict=True)]

    def slope(self, number: int, direction: Array, step: float) -> list[Array]:
        """The results' derivatives along a direction of one input: central differences."""
        ahead, behind = self.moved(number, step * direction), self.moved(number, -step * direction)
        return [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]

    def moved(self, number: int, move: Array) -> list[Array]:
        """The results when input `number` is moved by `move`."""
        tensor, point = self.targets[number], self.points[number]
        tensor._array = np.asarray(point + move)  # a sum of 0-d arrays is no array
        try:
            with Mode(recording=True, scope="", observers=()):
                results = _parts(self.func(*self.inputs))
            # Copied at once: a result may be the input itself, or memory that the next call uses again.
            moved = [results[i]._array.copy() for i in self.positions if i < len(results) and _is_float(results[i])]
        finally:
            tensor._array = point
        if [out.shape for out in moved] != [out.shape for out in self.here]:
            raise GradcheckError(
                f"{self.label}: the shapes of the results change with the values of {self.names[number]}, from "
                f"{[out.shape for out in self.here]} to {[out.shape for out in moved]}",
                "nondeterministic",
            )
        return moved

    def gradients(
        self, outputs: Sequence[TensorBase], cotangents: Sequence[Array], *observers: Observer
    ) -> list[Array]:
        """The gradient of each input, from one cotangent for each of these outputs; the graph is kept."""
        with Mode(recording=True, scope="", observers=observers):
            pairs = [(out, make_tensor(g)) for out, g in zip(outputs, cotangents, strict=True) if out._requires_grad]
            if not pairs:
                return [np.zeros_like(point) for point in self.points]
            outs, gs = zip(*pairs, strict=True)
            found = grad(outs, self.targets, gs, retain_graph=True, allow_unused=True)
        results = []
        for name, point, g in zip(self.names, self.points, found, strict=True):
            array = np.zeros_like(point) if g is None else g._array
            if array.shape != point.shape or array.dtype != point.dtype:
                raise GradcheckError(
                    f"{self.label}: the gradient of {name} has shape {array.shape} and dtype {array.dtype}, {name} has "
                    f"{point.shape} and {point.dtype}",
                    "shape",
                )
            results.append(array)
        return results

    def _restored(self) -> str:
        """Give the inputs their values back; the name of one that had changed."""
        changed = ""
        for name, tensor, point, values in zip(self.names, self.targets, self.points, self.values, strict=True):
            if tensor._array is not point or not np.array_equal(point, values, equal_nan=True):
                changed = name
                tensor._array = point
                if point.flags.writeable:
                    point[...] = values
        return changed


def _put_back(tensor: TensorBase, kept: tuple[Any, ...]) -> None:
    tensor._array, tensor.node, tensor.index, tensor._requires_grad, tensor._hooks, tensor._version = kept


def _parts(result: Any) -> Sequence[Any]:
    return result if isinstance(result, (tuple, list)) else [result]


def _is_float(part: Any) -> bool:
    return isinstance(part, TensorBase) and part._array.dtype.kind == "f"


def _told(result: Any) -> str:
    kinds = ", ".join(str(getattr(part, "dtype", "")) + " " + type(part).__name__ for part in _parts(result))
    return f"({kinds.strip()})" if isinstance(result, (tuple, list)) else kinds.strip()


def input_names(func: Callable[..., Any], count: int) -> list[str]:
    """What the function calls its first `count` arguments, as far as it says."""
    try:
        parameters = inspect.signature(func).parameters.values()
    except (TypeError, ValueError):
        parameters = {}.values()
    names: list[str] = []
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(count - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    return (names + [f"input {i}" for i in range(len(names), count)])[:count]
