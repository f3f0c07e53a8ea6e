"""Checkpoints: everything a training run needs to go on to the same numbers, in one safetensors file.

The arrays are the file's tensors; what is around them (numbers, strings, lists, dicts) is JSON in its metadata,
together with a checksum over both. Nothing is pickled, so a checkpoint runs no code when it is opened.
"""

import contextlib
import copy
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np

import tensorgrad as tg

from ..errors import StateError
from ..io import FilePath, atomic_write, load_file, load_metadata, save_file

FORMAT = "tensorgrad checkpoint 1"


class HasState(Protocol):
    """A module, an optimiser, a schedule, a DataLoader, or anything else with these two methods."""

    def state_dict(self) -> Any:
        """Dicts, lists and tuples of arrays, tensors, numbers, strings and None."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Go on from what `state_dict` gave."""


Part: TypeAlias = HasState | np.random.Generator


def save_checkpoint(path: FilePath, parts: Mapping[str, Part], progress: Mapping[str, Any] | None = None) -> None:
    """Write the states of all `parts` and of tensorgrad's default generator, and `progress`, whole or not at all.

    `parts` names whatever changes as a run goes on: `{"model": net, "optimizer": optimizer, "loader": loader,
    "dropout": generator}`. `progress` is what the program itself remembers, such as the epoch, the metrics so far and
    the arguments: dicts, lists and tuples of arrays, numbers, strings and None.

    A whole checkpoint that is already at `path` becomes the previous one (see `previous_checkpoint`) first, so that at
    any moment, also of a kill or a power cut, one of the two can be read. A damaged one is replaced, and the previous
    one left alone. Raises DTypeError for what a checkpoint cannot hold, and OSError.
    """
    path = Path(os.path.realpath(path))
    tensors: dict[str, np.ndarray] = {}
    tree = {
        "parts": {name: _state_of(name, part) for name, part in parts.items()},
        "default_generator": tg.default_generator().bit_generator.state,
        "progress": dict(progress or {}),
    }
    text = json.dumps(_encoded(tree, (), tensors), separators=(",", ":"))
    metadata = {"format": FORMAT, "state": text, "sha256": _digest(text, tensors)}
    _keep_previous(path)
    save_file(tensors, path, metadata)


def previous_checkpoint(path: FilePath) -> Path:
    """Where the checkpoint before the one at `path` is kept: run.previous.safetensors beside run.safetensors."""
    path = Path(path)
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def load_checkpoint(path: FilePath) -> "Checkpoint":
    """Read a checkpoint and verify it against its checksum; nothing is restored yet.

    Raises MissingFileError when there is none, FileFormatError when it is damaged or no checkpoint; both name the
    previous checkpoint if that one is whole.
    """
    try:
        return _read(path)
    except tg.FileFormatError as error:
        older = previous_checkpoint(path)
        with contextlib.suppress(tg.FileFormatError, OSError):
            _read(older)
            error.args = (f"{error}; the checkpoint before it is whole: {older}",)
        raise


class Checkpoint:
    """What `load_checkpoint` read: `progress` as it was saved, and the states that `restore` puts back."""

    def __init__(self, path: FilePath, tree: Mapping[str, Any]) -> None:
        self.path = path
        self.progress: dict[str, Any] = tree["progress"]
        self._parts: dict[str, Any] = tree["parts"]
        self._default_generator: dict[str, Any] = tree["default_generator"]

    def restore(self, parts: Mapping[str, Part]) -> None:
        """Put the saved states back into `parts`, given by the names under which they were saved.

        Tensorgrad's default generator goes back to where it was, too. Raises StateError if the names differ or one part
        does not take its state; all parts are then as they were before.
        """
        if set(parts) != set(self._parts):
            raise StateError(
                f"{self.path}: the checkpoint holds {', '.join(sorted(self._parts))}; to be restored are "
                f"{', '.join(sorted(parts))}"
            )
        everything = {**parts, "default generator": tg.default_generator()}
        states = {**self._parts, "default generator": self._default_generator}
        before = {name: copy.deepcopy(_state_of(name, part)) for name, part in everything.items()}
        for name, part in everything.items():
            try:
                _restore(part, states[name])
            except Exception as error:
                for earlier, other in everything.items():
                    _restore(other, before[earlier])
                    if earlier == name:
                        break
                raise StateError(f"{self.path}: {name}: {error}") from error

    def __repr__(self) -> str:
        return f"Checkpoint({str(self.path)!r}, {', '.join(self._parts)})"


def _state_of(name: str, part: Any) -> Any:
    if isinstance(part, np.random.Generator):
        return part.bit_generator.state
    if not hasattr(part, "state_dict") or not hasattr(part, "load_state_dict"):
        raise tg.DTypeError(
            f"save_checkpoint: {name!r} is a {type(part).__name__}, expected a NumPy Generator or something with "
            "state_dict and load_state_dict"
        )
    return part.state_dict()


def _restore(part: Part, state: Any) -> None:
    if isinstance(part, np.random.Generator):
        kind = type(part.bit_generator).__name__
        if state["bit_generator"] != kind:
            raise StateError(f"the state is of a {state['bit_generator']}, the generator is a {kind}")
        part.bit_generator.state = state
    else:
        part.load_state_dict(state)


def _keep_previous(path: Path) -> None:
    """Let a whole checkpoint at `path` be the previous one as well; there is no moment at which either is missing."""
    try:
        _read(path)
    except (tg.FileFormatError, OSError):
        return
    older, temporary = previous_checkpoint(path), path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        os.link(path, temporary)
    except OSError:  # a file system without hard links
        atomic_write(older, path.read_bytes())
        return
    try:
        os.replace(temporary, older)
    finally:
        # Also where `older` was this very file already: a rename onto another link of the same file does nothing.
        temporary.unlink(missing_ok=True)


def _read(path: FilePath) -> Checkpoint:
    metadata = load_metadata(path)
    if metadata.get("format") != FORMAT:
        raise tg.FileFormatError(f"{path}: is a safetensors file, but not a checkpoint of a training run")
    tensors, text = load_file(path), metadata.get("state", "")
    if metadata.get("sha256") != _digest(text, tensors):
        raise tg.FileFormatError(f"{path}: damaged: its content does not have the sha256 that it was written with")
    try:
        return Checkpoint(path, _decoded(json.loads(text), tensors))
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise tg.FileFormatError(f"{path}: cannot be read as a checkpoint: {error!r}") from None


def _digest(text: str, tensors: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(text.encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"\0{name}\0{array.dtype.name}\0{array.shape}\0".encode())
        flat = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False).reshape(-1)
        digest.update(flat.view(np.uint8).data)
    return digest.hexdigest()


def _encoded(value: Any, path: tuple[str, ...], tensors: dict[str, np.ndarray]) -> Any:
    """`value` as JSON holds it; arrays go to `tensors`, under the path that leads to them. A list says what it is."""
    match value:
        case None | bool() | str():
            return value
        case np.ndarray() | np.generic() | tg.Tensor():
            array = value.detach().numpy() if isinstance(value, tg.Tensor) else np.asarray(value)
            name, number = "/".join(path), 2
            while name in tensors:
                name, number = f"{'/'.join(path)}~{number}", number + 1
            tensors[name] = array
            return ["scalar" if isinstance(value, np.generic) else "array", name]
        case int() | float():
            return value
        case list() | tuple():
            items = [_encoded(item, (*path, str(number)), tensors) for number, item in enumerate(value)]
            return ["list" if isinstance(value, list) else "tuple", items]
        case Mapping():
            for key in value:
                if not isinstance(key, str | int) or isinstance(key, bool):
                    raise tg.DTypeError(f"save_checkpoint: {'/'.join(path)}: key {key!r} is no string and no integer")
            return ["dict", [[key, _encoded(item, (*path, str(key)), tensors)] for key, item in value.items()]]
    raise tg.DTypeError(
        f"save_checkpoint: {'/'.join(path)} is a {type(value).__name__}; a checkpoint holds arrays, numbers, strings, "
        "None, and dicts, lists and tuples of them"
    )


def _decoded(value: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    if not isinstance(value, list):
        return value
    kind, content = value
    match kind:
        case "array":
            return tensors[content]
        case "scalar":
            return tensors[content][()]
        case "list":
            return [_decoded(item, tensors) for item in content]
        case "tuple":
            return tuple(_decoded(item, tensors) for item in content)
        case "dict":
            return {key: _decoded(item, tensors) for key, item in content}
    raise ValueError(f"{kind!r} is no kind of value")
