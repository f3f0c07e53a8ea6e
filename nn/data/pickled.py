"""The one kind of pickle that is read: CIFAR-10's python batches, dicts of an array, lists, strings and numbers.

Not with the module pickle, which runs what a file asks for. Here the file's opcodes are read one by one; those that
build plain values are carried out, two calls are recognised by name (how NumPy wrote an array and its dtype), and
everything else is refused. All that is built lies in the file, so memory stays in proportion to its size.
"""

import math
import pickletools
from typing import Any

import numpy as np

MARK = object()  # where on the stack a list, tuple or dict begins
CALLS = {
    "numpy.core.multiarray _reconstruct": "array",  # as NumPy 1 and Python 2 wrote it
    "numpy._core.multiarray _reconstruct": "array",
    "numpy dtype": "dtype",
    "numpy ndarray": "class",
}
VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "INT"),
    *("BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
}
PLAIN = (bool, int, str, bytes)
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class _Name:
    """A name that the file may mention; it stands for nothing that could be called."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class _Array:
    """An array between its two opcodes: made empty, then given shape, dtype and content."""

    values: np.ndarray | None = None


class _UInt8:
    """The only dtype there is."""


def read_pickled(content: bytes) -> dict[str, Any]:
    """The dict that a pickle holds: of strings, bytes, whole numbers, None, lists of these, and uint8 arrays.

    Raises ValueError, with the opcode or name, for whatever else it asks for and if it is damaged.
    """
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for opcode, argument, place in pickletools.genops(content):
            if opcode.name == "STOP":
                if len(stack) != 1 or stack[0] is MARK:
                    raise ValueError("it does not end with one value")
                return _finished(stack[0])
            if opcode.name == "PROTO" and (argument or 0) > 5:
                raise ValueError(f"protocol {argument}, expected 5 or less")
            if opcode.name == "FRAME" and (argument or 0) > len(content) - (place or 0):
                raise ValueError(f"a frame of {argument} bytes is longer than what is left")
            _carry_out(opcode.name, argument, place, stack, memo)
    except (IndexError, KeyError, TypeError, AttributeError, Warning) as error:  # pickletools warns of odd names
        raise ValueError(f"its opcodes do not fit each other: {error!r}") from None
    raise ValueError("it ends too early")


def _carry_out(name: str, argument: Any, place: int | None, stack: list[Any], memo: dict[int, Any]) -> None:
    match name:
        case "PROTO" | "FRAME":
            pass
        case "MARK":
            stack.append(MARK)
        case "EMPTY_DICT":
            stack.append({})
        case "EMPTY_LIST":
            stack.append([])
        case "EMPTY_TUPLE":
            stack.append(())
        case "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            count = int(name[-1])
            items = [_pop(stack) for _ in range(count)]
            stack.append(tuple(reversed(items)))
        case "APPEND":
            item = _pop(stack)
            _top(stack, list).append(item)
        case "APPENDS":
            items = _since_mark(stack)
            _top(stack, list).extend(items)
        case "SETITEM":
            item, key = _pop(stack), _pop(stack)
            _top(stack, dict)[_key(key)] = item
        case "SETITEMS":
            items = _since_mark(stack)
            _top(stack, dict).update(zip(map(_key, items[::2]), items[1::2], strict=True))
        case "BINPUT" | "LONG_BINPUT":
            memo[argument] = _top(stack, object)
        case "MEMOIZE":
            memo[len(memo)] = _top(stack, object)
        case "BINGET" | "LONG_BINGET":
            stack.append(memo[argument])
        case "GLOBAL":
            stack.append(_named(argument))
        case "STACK_GLOBAL":
            attribute, module = _pop(stack), _pop(stack)
            stack.append(_named(f"{module} {attribute}"))
        case "REDUCE":
            arguments, called = _pop(stack), _pop(stack)
            stack.append(_called(called, arguments))
        case "BUILD":
            state = _pop(stack)
            _build(_top(stack, object), state)
        case _ if name in CONSTANTS:
            stack.append(CONSTANTS[name])
        case _ if name in VALUES:
            # Python 2's strings are bytes; pickletools shows them as Latin-1.
            stack.append(argument.encode("latin-1") if name in ("BINSTRING", "SHORT_BINSTRING") else argument)
        case _:
            raise ValueError(f"opcode {name} at byte {place} is not one of those that plain data need")


def _pop(stack: list[Any]) -> Any:
    value = stack.pop()
    if value is MARK:
        raise ValueError("its opcodes do not fit each other: a mark where a value should be")
    return value


def _top(stack: list[Any], kind: type) -> Any:
    if stack[-1] is MARK or not isinstance(stack[-1], kind):
        raise ValueError(f"its opcodes do not fit each other: no {kind.__name__} where one should be")
    return stack[-1]


def _since_mark(stack: list[Any]) -> list[Any]:
    items = []
    while (item := stack.pop()) is not MARK:
        items.append(item)
    return items[::-1]


def _key(key: Any) -> str | bytes:
    if not isinstance(key, str | bytes):
        raise ValueError(f"a dict's key is a {type(key).__name__}, expected a string")
    return key


def _named(name: Any) -> _Name:
    if name not in CALLS:
        raise ValueError(f"it asks for {str(name)[:100]!r}, which plain data do not need")
    return _Name(CALLS[name])


def _called(called: Any, arguments: Any) -> _Array | _UInt8:
    match called, arguments:
        case _Name(kind="array"), (_Name(kind="class"), (0,), b"b" | "b"):
            return _Array()
        case _Name(kind="dtype"), (b"u1" | "u1", 0, 1):
            return _UInt8()
    raise ValueError("it calls something in a way that uint8 arrays do not need")


def _build(built: Any, state: Any) -> None:
    match built, state:
        case _UInt8(), (3, b"|" | "|", None, None, None, -1, -1, 0):
            return
        case _Array(), (1, tuple(shape), _UInt8(), (0 | 1) as fortran, bytes(values)):
            if len(shape) <= 4 and all(type(n) is int and n >= 0 for n in shape) and math.prod(shape) == len(values):
                built.values = np.frombuffer(values, np.uint8).reshape(shape, order="F" if fortran else "C")
                return
            raise ValueError(f"an array of shape {str(shape)[:100]} is given {len(values)} bytes")
    raise ValueError("it holds an array that is not one of uint8")


def _finished(value: Any) -> dict[str, Any]:
    """The dict that a batch is, with arrays in place of what stood for them, and else plain values or lists of them."""
    if not isinstance(value, dict):
        raise ValueError(f"it holds a {type(value).__name__}, expected a dict")
    result: dict[str, Any] = {}
    for key, item in value.items():
        if isinstance(item, _Array):
            if item.values is None:
                raise ValueError("an array has no content")
            item = item.values
        elif not all(part is None or isinstance(part, PLAIN) for part in (item if type(item) is list else [item])):
            raise ValueError(f"{key!r} is neither an array nor a plain value nor a list of such")
        result[key if isinstance(key, str) else key.decode("latin-1")] = item
    return result
