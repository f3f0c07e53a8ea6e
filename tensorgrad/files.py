"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path


def atomic_write(path: str | os.PathLike[str], content: bytes | bytearray | memoryview) -> None:
    """Write a file whole or not at all: after any failure, also a power cut, `path` holds the old content or the new.

    A temporary file `.tmp-*` in the same folder is written, forced to the disk and renamed. It is removed on failure;
    only a killed process leaves it behind. An existing file keeps its permissions, and a link stays a link.
    Raises OSError: no such folder, `path` is not a regular file, the disk is full, ...
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent} to write it to")
    exists = path.exists()
    if exists and not path.is_file():
        raise OSError(f"{path}: is not a regular file, so it cannot be replaced")
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if exists:
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):  # a name that nobody gave
            error.filename = str(path)
            if error.filename2 is not None:
                del error.filename2
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Force the renaming itself to the disk, where the system can: not on Windows, nor on some network file systems."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
