"""What a recording keeps of one call: no array, no tensor, no node, so that nothing lives longer because of it."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from ..modes import hidden_files
from ..node import Array, Node
from ..primitive import Primitive
from ..rules import INPUT, OUTPUT
from .kinds import category_of
from .parts import Preview, Shape
from .saves import Kept
from .words import describe, plain, readable, type_name

CALL_COST = 1200  # about the bytes of a call without its inputs and previews
INPUT_COST = 200  # and of an input

Maker = tuple[int, int]  # the number of a call, and which of its outputs


class Input(NamedTuple):
    """What was given to a call in one place."""

    name: str
    shape: Shape = ()
    dtype: str = ""
    number: float | None = None  # the Python number, if it was one
    array: weakref.ref[Array] | None = None  # None where there was none
    made: Maker | None = None  # the recorded call that made the array


class Output(NamedTuple):
    """What came out of a call in one place."""

    name: str
    shape: Shape
    dtype: str


@dataclass(slots=True)
class Visit:
    """What was seen when a backward walk came by a node."""

    step: int
    cotangents: list[Preview | None]
    shares: dict[int, Preview] = field(default_factory=dict)  # by input


@dataclass(eq=False, slots=True)
class Operation:
    """What a picture says of a call whose node it has not: because nothing was recorded, or the result was detached."""

    seq: int
    name: str
    category: str
    scope: str
    inputs: list[Input]
    outputs: list[Output]
    hyper: str
    params: dict[str, str]
    code: CodeType
    offset: int


@dataclass(slots=True)
class Call:
    """What was seen of one call, and of the walks that came by it."""

    operation: Operation | None = None  # None where a walk came by an operation that had run before the recording
    values: list[Preview | None] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    byproducts: dict[int, Kept] | None = None  # what the node held beside inputs and outputs; None: not known
    cost: int = 0


def operation_of(
    primitive: Primitive,
    seq: int,
    scope: str,
    where: tuple[CodeType, int],
    params: Mapping[str, Any],
    inputs: list[Input],
    outputs: Sequence[Array],
) -> Operation:
    """A call, in words and numbers."""
    return Operation(
        seq,
        plain(primitive.name),
        category_of(primitive),
        scope,
        inputs,
        [Output(primitive.name_of(OUTPUT, i), array.shape, type_name(array.dtype)) for i, array in enumerate(outputs)],
        describe(
            dict(params),
            [given.name for given in inputs],
            [given.shape for given in inputs],
            [array.shape for array in outputs],
        ),
        {plain(name): readable(value) for name, value in params.items()},
        *where,
    )


def inputs_of(primitive: Primitive, arrays: Sequence[Any], makers: Mapping[int, tuple[Any, ...]]) -> list[Input]:
    """The inputs of a call. `makers` tells of living arrays, by id: a reference to it, and the call that made it."""
    inputs = []
    for number, given in enumerate(arrays):
        name = primitive.name_of(INPUT, number)
        if isinstance(given, np.ndarray):
            maker = makers.get(id(given))
            made = maker[1:] if maker is not None and maker[0]() is given else None
            inputs.append(Input(name, given.shape, type_name(given.dtype), None, weakref.ref(given), made))
        else:
            inputs.append(Input(name, number=given if isinstance(given, (int, float)) else None))
    return inputs


def where_called() -> tuple[CodeType, int]:
    """The innermost line outside of the library: its code object and instruction."""
    frame = sys._getframe(1)
    while hidden_files[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def where_of(node: Node | None) -> tuple[CodeType, int]:
    """The line of a node's call; of the call that is being made, if there is no node."""
    return where_called() if node is None else node.where
