"""Checksums of saved arrays: how raw writes, which no version counts, are noticed.

The engine counts its own writes. It cannot see `x.data[...] = 0`, a write to the array behind `from_numpy`, or to what
`.numpy()` returned; when the written array had been saved for the backward walk, the gradient is silently wrong.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from ..node import Node


class _Watched(list[Any]):
    """A node's saved arrays with their checksums, which are thus freed when the arrays are."""

    __slots__ = ("__weakref__", "checksums")

    checksums: list[int | None]


def checksum(value: Any) -> int | None:
    """A number that changes when the array's bytes do; None for what is not an array."""
    if not isinstance(value, np.ndarray):
        return None
    return zlib.crc32(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)


def watch(node: Node) -> None:
    """Remember what the node's saved arrays hold now."""
    if node.saved:
        saved = _Watched(node.saved)
        saved.checksums = [checksum(array) for array in saved]
        node.saved = saved


def raw_write(node: Node) -> str | None:
    """The name of a watched saved array whose bytes have changed although its version has not; else None."""
    saved = node.saved
    if isinstance(saved, _Watched):
        for number, (array, before) in enumerate(zip(saved, saved.checksums, strict=True)):
            cell, version = node.versions[number]
            # Where the version has changed, the engine itself will raise.
            if before is not None and cell == version and checksum(array) != before:
                return node.saved_names()[number]
    return None


def raw_write_text(node: Node, name: str) -> str:
    """What to tell about it."""
    return (
        f"{node.name}: its {name}, saved for the backward walk, was written to without the engine noticing "
        f"(recorded at {node.place()}): through .data[...], .numpy(), the array behind from_numpy, or in a backward "
        "rule; write to a copy, or by tensor methods such as copy_ under no_grad"
    )
