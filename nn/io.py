"""Files: tensors as safetensors, and any file written whole or not at all.

Nothing here unpickles, so opening a file never runs code from it.
"""

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import safetensors
import safetensors.numpy

import tensorgrad as tg

from .errors import MissingFileError

FilePath: TypeAlias = str | os.PathLike[str]

atomic_write = tg.files.atomic_write

DTYPES = {
    "BOOL": np.dtype("bool"),
    "I8": np.dtype("int8"),
    "U8": np.dtype("uint8"),
    "I16": np.dtype("int16"),
    "U16": np.dtype("uint16"),
    "I32": np.dtype("int32"),
    "U32": np.dtype("uint32"),
    "I64": np.dtype("int64"),
    "U64": np.dtype("uint64"),
    "F16": np.dtype("float16"),
    "F32": np.dtype("float32"),
    "F64": np.dtype("float64"),
}
PICKLE_SUFFIXES = (".pth", ".pt", ".pkl", ".pickle")

# Statements, to stand on one line, that convert the pickle file `source`. Its weights are the one dict of nothing but
# tensors that is nearest to the outside: a checkpoint of a training run has them beside the epoch and the like. Of
# several, the one under the name that is usual. Dicts whose keys are not names, as in optimisers, are not looked into.
CONVERSION = (  # in double quotes, which need no escape in a shell's single ones
    "import os, sys, torch",
    "from safetensors.torch import save_file",
    'os.path.lexists(target) and sys.exit(f"{target} exists already and is not overwritten: load it, or move it away")',
    'found = torch.load(open(source, "rb"), map_location="cpu", weights_only=True)',
    "named = lambda value: isinstance(value, dict) and all(isinstance(key, str) for key in value)",
    "whole = lambda value: named(value) and value and all(isinstance(part, torch.Tensor) for part in value.values())",
    "parts = lambda value: value.items() if named(value) else enumerate(value) if isinstance(value, (list, tuple)) "
    "else ()",
    "inside = lambda level: [place for place in level if whole(place[1])] or (level and inside("
    '[(f"{at}[{key!r}]", part) for at, value in level for key, part in parts(value)]))',
    'places = inside([("", found)])',
    'usual = [place for key in ("state_dict", "model_state_dict", "model") for place in places '
    'if place[0].endswith(f"[{key!r}]")]',
    "places = usual[:1] or places",
    'count = len(places) or "no"',
    'len(places) == 1 or sys.exit(f"{source} was not converted: it holds {count} dicts of nothing but tensors by name" '
    '+ "".join(f", {at}" for at, _ in places[:9]))',
    "(at, weights), = places",
    "save_file({name: value.contiguous().clone() for name, value in weights.items()}, target)",
    'print(f"{target}: {len(weights)} tensors" + (at and f", what stands at {at}"))',
)


class HasStateDict(Protocol):
    """A module, or anything else whose state is a mapping from names to tensors."""

    def state_dict(self) -> Mapping[str, Any]:
        """The state by name."""


def save(source: HasStateDict | Mapping[str, Any], path: FilePath, metadata: Mapping[str, str] | None = None) -> None:
    """Write a module's `state_dict()`, or a mapping from names to arrays or Tensors, as `save_file` does."""
    save_file(source if isinstance(source, Mapping) else source.state_dict(), path, metadata)


def save_file(tensors: Mapping[str, Any], path: FilePath, metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays or Tensors by name as a safetensors file, whole or not at all (see `atomic_write`).

    `metadata` maps strings to strings and is kept in the file's header; equal input gives the same bytes. Raises
    DTypeError for what safetensors cannot hold and FileFormatError for a pickle's file name such as model.pth; nothing
    is written then.
    """
    path = Path(path)
    if path.suffix.lower() in PICKLE_SUFFIXES:
        raise tg.FileFormatError(f"save: {path}: what is written is safetensors, not pickle: name it *.safetensors")
    arrays = {_name(name): _stored(name, value) for name, value in tensors.items()}
    texts = {_name(key): _text(key, text) for key, text in (metadata or {}).items()}
    content = safetensors.numpy.save(arrays, texts or None)
    atomic_write(path, _ordered(content) if len(texts) > 1 else content)


def load_file(path: FilePath) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file by name, sorted by name; they are new and may be changed.

    Raises FileFormatError, with the file's name and the reason, if it is damaged, cut short or of another format, and
    MissingFileError if there is none. PyTorch's pickle files (.pth, .pt) are refused with the command that converts
    them. Safetensors has no checksum: a changed value inside the file cannot be noticed.
    """
    entries, _ = _parse(Path(path))
    return {name: _array(path, name, **entry) for name, entry in sorted(entries)}


def load_metadata(path: FilePath) -> dict[str, str]:
    """The metadata of a safetensors file, sorted by key. Raises what `load_file` raises."""
    _, header = _parse(Path(path))
    return dict(sorted(header.get("__metadata__", {}).items()))


def _name(name: Any) -> str:
    if not isinstance(name, str) or name == "__metadata__":
        raise tg.DTypeError(f"save: {name!r} cannot be a name, expected a string other than '__metadata__'")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise tg.DTypeError(f"save: {name!r} cannot be a name: UTF-8 cannot write it") from None
    return name


def _text(key: str, text: Any) -> str:
    if not isinstance(text, str):
        raise tg.DTypeError(f"save: metadata {key!r} is a {type(text).__name__}, expected a string")
    return text


def _stored(name: str, value: Any) -> np.ndarray:
    """The array as safetensors writes it right: in C order, little-endian, of a dtype that the format has."""
    array = value.detach().numpy() if isinstance(value, tg.Tensor) else value
    if not isinstance(array, np.ndarray | np.generic):
        raise tg.DTypeError(f"save: {name!r} is a {type(value).__name__}, expected an array or a Tensor")
    dtype = array.dtype.newbyteorder("<")
    if dtype not in DTYPES.values():
        known = ", ".join(known.name for known in DTYPES.values())
        raise tg.DTypeError(f"save: {name!r} is {array.dtype}, expected one of {known}")
    # safetensors writes the memory of other orders as it lies, which is wrong values without an error. Not
    # np.ascontiguousarray, which makes 0-d arrays 1-d.
    return np.asarray(array, dtype, order="C")


def _ordered(content: bytes) -> bytes:
    """The same file with its header's entries in a fixed order: safetensors writes metadata in the order of a hash."""
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # values start at a multiple of 8 bytes
    return len(text).to_bytes(8, "little") + text + content[start:]


def _parse(path: Path) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    """Every tensor's entry (dtype, shape, data) and the header as it stands in the file."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"load: {path}: there is no such file") from None
    except IsADirectoryError:
        raise tg.FileFormatError(f"load: {path}: is a folder, not a file") from None
    try:
        entries = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise tg.FileFormatError(f"load: {path}: {_reason(path, content, str(error))}") from None
    return entries, json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def _array(path: FilePath, name: str, dtype: str, shape: list[int], data: bytearray) -> np.ndarray:
    if dtype not in DTYPES:
        raise tg.FileFormatError(f"load: {path}: tensor {name!r} is {dtype}, expected one of {', '.join(DTYPES)}")
    flat = np.frombuffer(data, DTYPES[dtype].newbyteorder("<"))
    if dtype == "BOOL" and flat.view(np.uint8).max(initial=0) > 1:
        raise tg.FileFormatError(f"load: {path}: damaged: tensor {name!r} is BOOL and holds values other than 0 and 1")
    try:
        array = flat.reshape(shape)
    except ValueError as error:  # more dimensions than NumPy takes, or a size of 0 beside others beyond its range
        raise tg.FileFormatError(f"load: {path}: tensor {name!r} of shape {shape}: {error}") from None
    return array.astype(DTYPES[dtype], copy=False)


def _reason(path: Path, content: bytes, message: str) -> str:
    """Why safetensors refused the file, in the reader's terms."""
    begins_as_safetensors = content[8:9] == b"{"
    if (
        not begins_as_safetensors
        and (
            path.suffix.lower() in PICKLE_SUFFIXES
            or (content[:1] == b"\x80" and content[1:2] in b"\2\3\4\5")  # pickle itself, and torch.save before 1.6
            or (
                content[:4] == b"PK\3\4" and b"/data.pkl" in content
            )  # torch.save since 1.6: a zip archive with a pickle
        )
    ):
        return _conversion(path)
    if len(content) <= 8:
        return f"cut short: {len(content)} bytes, and a safetensors file starts with 8 and a header"
    header_size, rest = int.from_bytes(content[:8], "little"), len(content) - 8
    if header_size > rest:
        if not begins_as_safetensors:
            return "not a safetensors file"
        return f"cut short: its header should take {header_size} bytes, and {rest} are there"
    announced, held = _announced(content[8 : 8 + header_size]), rest - header_size
    if announced is not None and announced != held:
        fault = "cut short" if held < announced else "too long"
        return f"{fault}: its header announces {announced} bytes of values, and {held} are there"
    return f"damaged: {message.removeprefix('Error while deserializing: ')}"


def _announced(header: bytes) -> int | None:
    """Where the last value ends according to the header; None if the header cannot be understood."""
    try:
        tensors = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        return max((int(entry["data_offsets"][1]) for entry in tensors.values()), default=0)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        return None


def _conversion(path: Path) -> str:
    target = path.with_suffix(".safetensors")
    if path.suffix.lower() == ".safetensors":  # a pickle under a wrong name, which is not to be overwritten
        target = path.with_name(f"{path.stem}.converted.safetensors")
    code = "; ".join([*CONVERSION[:2], f"source, target = {str(path)!r}, {str(target)!r}", *CONVERSION[2:]])
    return (
        "is a pickle file, as torch.save writes them, and refused because opening one can run code from it. "
        f"Where PyTorch is installed, this converts it to {target.name}: python -c {shlex.quote(code)}"
    )
