"""What is not as it should be: gradients that vanish or explode, zeros everywhere, NaN and infinities."""

from __future__ import annotations

import math
from collections.abc import Iterable

from .index import Index
from .options import Options
from .parts import NodeView, Preview, Stats

VANISHING, EXPLODING, DEAD = "▽ vanishing", "△ exploding", "∅ dead"
ORDER = (VANISHING, EXPLODING, DEAD)  # then those that begin with "!"


class Flags:
    """The flags of every box of a view."""

    def __init__(self, index: Index, options: Options) -> None:
        self.index, self.options = index, options
        self._first = self._first_places()

    def of(self, node: NodeView) -> tuple[str, ...]:
        """The flags of an operation with the parameters it uses, or of a leaf."""
        found = [self._parameter(node)] if node.kind == "parameter" else []
        for edge in self.index.into(node.id):
            source = self.index.nodes[edge.source]
            if self.index.docked(source):
                found += [self._parameter(source) if edge.differentiable else "", *self._not_finite(source)]
        if node.kind == "op":
            outputs = [node.outputs[i] for i in self.index.shown_outputs(node)]
            values = [output.value for output in outputs if output.value is not None]
            gradients = [gradient for output in outputs if (gradient := output.gradient or output.grad)]
            # One number may well be zero; of a gradient that is worth telling even so.
            dead = any(_all_zero(gradient.stats) for gradient in gradients)
            dead |= any(_all_zero(value.stats) and _size(value.stats) > 1 for value in values)
            found += [DEAD] * dead
        return merged([*found, *self._not_finite(node)])

    def _parameter(self, node: NodeView) -> str:
        """How a parameter's gradient compares with the parameter."""
        tensor = self.index.tensors.get(node.tensor)
        if tensor is None:
            return ""
        shares = [edge.gradient for edge in self.index.out_of(node.id)] if node.uses <= 1 else []
        gradient = tensor.grad or next(filter(None, shares), None)
        if gradient is None or gradient.stats.rms is None:
            return EXPLODING if gradient is not None and gradient.stats.infs else ""
        if _all_zero(gradient.stats):
            return DEAD
        size = tensor.value.stats.rms if tensor.value is not None else None
        if not size:
            return ""
        ratio = gradient.stats.rms / size
        if gradient.stats.infs or ratio > self.options.exploding:
            return EXPLODING
        return VANISHING if ratio < self.options.vanishing else ""

    # NaN and infinities

    def _first_places(self) -> dict[str, str]:
        """{"nan": the box where it came up first, ...}: values in the order of the run, gradients on the way back."""
        first: dict[str, str] = {}
        back: dict[str, tuple[int, str]] = {}
        for node in self.index.view.nodes:
            for word in _words(self._values(node)):
                first.setdefault(word, node.id)
            for number, step in enumerate(node.steps):
                for output in node.outputs:
                    gradient = output.gradients[number] if number < len(output.gradients) else None
                    for word in _words([gradient]):
                        back[word] = min(back.get(word, (step, node.id)), (step, node.id))
        arose = {word: node for word, node in first.items() if self._began(node, word)}
        return {**arose, **{f"{word} gradient": node for word, (_, node) in back.items()}}

    def _began(self, node: str, word: str) -> bool:
        """Whether all inputs of a box were seen, and had none of what its value has: what was not seen may have had."""
        for edge in self.index.into(node):
            source = self.index.nodes[edge.source]
            seen = source.outputs[edge.output].value
            tensor = self.index.tensors.get(source.tensor)
            if seen is None and tensor is not None:
                seen = tensor.value
            number = seen is None and source.kind == "constant"
            if (seen is None and not number) or word in (source.name if number else _words([seen])):
                return False
        return True

    def _not_finite(self, node: NodeView) -> list[str]:
        words = _words(self._values(node))
        words += [f"{word} gradient" for word in _words(self._gradients(node))]
        return [f"! first {word}" if self._first.get(word) == node.id else f"! {word}" for word in words]

    def _values(self, node: NodeView) -> list[Preview | None]:
        tensor = self.index.tensors.get(node.tensor)
        return [output.value for output in node.outputs] + [tensor.value if tensor is not None else None]

    def _gradients(self, node: NodeView) -> list[Preview | None]:
        tensor = self.index.tensors.get(node.tensor)
        gradients = [gradient for output in node.outputs for gradient in (*output.gradients, output.grad)]
        return [*gradients, tensor.grad if tensor is not None else None]


def merged(flags: Iterable[str]) -> tuple[str, ...]:
    """Each flag once, in a fixed order; the first place of a NaN says more than another."""
    found = dict.fromkeys(filter(None, flags))
    others = sorted(flag for flag in found if flag not in ORDER)
    first = [flag for flag in others if flag.startswith("! first")]
    rest = [flag for flag in others if flag not in first and flag.replace("! ", "! first ") not in first]
    return (*(flag for flag in ORDER if flag in found), *first, *rest)


def _words(previews: Iterable[Preview | None]) -> list[str]:
    stats = [preview.stats for preview in previews if preview is not None]
    return ["nan"] * any(s.nans for s in stats) + ["inf"] * any(s.infs for s in stats)


def _all_zero(stats: Stats) -> bool:
    return stats.zeros == 1.0 and _size(stats) > 0


def _size(stats: Stats) -> int:
    return math.prod(stats.shape)
