"""Pieces of a card: shapes with the changed axes standing out, sizes in words, strips."""

from __future__ import annotations

import math

from .parts import OutputView, Preview, Shape, Stats
from .scene import Span, Strip
from .words import number, plain, sizes

Line = tuple[Span, ...]

MOST = 3  # lines of hyper-parameters
WIDTH = 34  # characters in a line; what is longer would make a card too wide, and goes into the next line


def text_line(text: str) -> Line:
    """A line in which nothing stands out."""
    return ((text, False),)


def packed(parts: list[str]) -> list[Line]:
    """Short texts in as few lines as they fit into, in their order: "156 params · 470,400 multiply-adds"."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 3 <= WIDTH:
            lines[-1] += f" · {part}"
        else:
            lines.append(part)
    return [text_line(line) for line in lines]


def told(hyper: str) -> list[Line]:
    """Hyper-parameters, in as many lines as they take."""
    lines: list[str] = []
    for part in hyper.split(", "):
        if lines and len(lines[-1]) + len(part) + 2 <= WIDTH:
            lines[-1] += f", {part}"
        else:
            lines[-1:] = [*(f"{line}," for line in lines[-1:]), part]
    return [text_line(plain(line, 60)) for line in lines[:MOST]]


def shape_text(output: OutputView) -> str:
    """Shape, and the dtype unless it is the usual one."""
    dtype = "" if output.dtype in ("float32", "") else f" {output.dtype}"
    return (sizes(output.shape) if output.shape else "scalar") + dtype


def shape_spans(output: OutputView, before: Shape | None) -> Line:
    """A shape in which the axes stand out that are not as they were before."""
    shape = output.shape
    if before is None or not shape or shape == before:
        return text_line(shape_text(output))
    same = [n == m for n, m in zip(shape, before, strict=False)] + [False] * (len(shape) - len(before))
    if len(shape) != len(before):  # which axis became which is known up to the first that differs
        same = [all(same[: i + 1]) for i in range(len(shape))]
    spans: list[Span] = [("(", False)]
    for i, n in enumerate(shape):
        spans += [(str(n), not same[i]), (", " if i + 1 < len(shape) else ",)" if len(shape) == 1 else ")", False)]
    return _joined([*spans, (shape_text(output)[len(sizes(shape)) :], False)])


def _joined(spans: list[Span]) -> Line:
    """Neighbours of equal looks as one piece."""
    found: list[Span] = []
    for text, bold in spans:
        if found and found[-1][1] == bold:
            found[-1] = (found[-1][0] + text, bold)
        elif text:
            found.append((text, bold))
    return tuple(found)


def strip(previews: list[Preview | None]) -> Strip | None:
    """From the smallest to the largest rms, and whether there is anything that is not finite."""
    stats = [preview.stats for preview in previews if preview is not None]
    known = [s.rms for s in stats if s.rms is not None]
    odd = any(s.nans + s.infs for s in stats)
    if not known:
        return Strip(math.nan, math.nan, True) if odd else None
    return Strip(min(known), max(known), odd)


def sizes_in_words(output: OutputView, value: bool) -> list[str]:
    """How large an output is, if `value`, and its gradient."""
    said = [f"value {size_in_words(output.value.stats)}"] if value and output.value is not None else []
    if output.gradient is not None:
        return [*said, f"gradient {size_in_words(output.gradient.stats)}"]
    return said + ([f".grad {size_in_words(output.grad.stats)}"] if output.grad is not None else [])


def leaf_in_words(value: Preview | None, grad: Preview | None) -> list[str]:
    """A leaf's number if it is one, what is wrong with its values if anything is, and how large its gradient is."""
    said = []
    if value is not None and (math.prod(value.stats.shape) == 1 or value.stats.nans + value.stats.infs):
        said.append(f"value {size_in_words(value.stats, 6)}")
    return said + ([f".grad {size_in_words(grad.stats)}"] if grad is not None else [])


def band_in_words(band: Strip) -> str:
    """What a strip that stands for several values shows."""
    if math.isnan(band.low):
        return "not finite"
    return f"rms {band.low:.3g} to {band.high:.3g}" + ", some not finite" * band.odd


def size_in_words(stats: Stats, digits: int = 4) -> str:
    """How large values are, and what is not as it should be."""
    one = math.prod(stats.shape) == 1
    said = "empty" if stats.rms is None and not stats.nans + stats.infs else f"rms {number(stats.rms)}"
    if one and stats.mean is not None:
        said = number(stats.mean, digits)
    said += f", {stats.nans} NaN" * bool(stats.nans) + f", {stats.infs} infinite" * bool(stats.infs)
    return said + (f", {stats.zeros:.0%} zero" if stats.zeros >= 0.1 and not one else "")
