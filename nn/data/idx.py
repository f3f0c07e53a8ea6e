"""The idx format, in which MNIST and Fashion-MNIST are published.

A file is two zero bytes, a byte for the dtype, a byte for the number of dimensions, each dimension as a big-endian
32-bit number, then the values in C order, big-endian. Files are often compressed with gzip.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "File formats".
"""

import gzip
import math
import os
import stat
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import DataError, MissingFileError

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
GZIP_MAGIC = b"\x1f\x8b"
MOST_DIMENSIONS = 64  # NumPy's own limit
CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str], max_bytes: int = 1 << 30) -> np.ndarray:
    """The array of an idx file, gzip-compressed or not (its first bytes tell), in the machine's byte order.

    The file must hold exactly the values that its header announces. A header that announces more than `max_bytes` is
    refused before anything is allocated, and of a compressed file no more is unpacked than announced, so a damaged or
    hostile file cannot exhaust the memory. Raises DataError, which names the file and what does not fit, and
    MissingFileError.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = _regular_size(path, file)
            if file.read(2) == GZIP_MAGIC:
                file.seek(0)
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _read(path, unpacked, None, max_bytes)
            file.seek(0)
            return _read(path, file, size, max_bytes)
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"read_idx: {path}: there is no such file") from None
    except IsADirectoryError:
        raise DataError(f"read_idx: {path}: is a folder, not a file") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"read_idx: {path}: damaged gzip data: {error}") from None
    except EOFError:
        raise DataError(f"read_idx: {path}: cut short: the gzip data end too early") from None


def _regular_size(path: Path, file: BinaryIO) -> int:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"read_idx: {path}: is not a regular file")
    return status.st_size


def _read(path: Path, stream: BinaryIO | gzip.GzipFile, size: int | None, max_bytes: int) -> np.ndarray:
    """Header and values from `stream`; `size` is the number of bytes in the file if that is known beforehand."""
    magic = _take(path, stream, 4, "magic number")
    dtype = DTYPES.get(magic[2])
    if magic[:2] != b"\0\0":
        raise DataError(f"read_idx: {path}: not an idx file: starts with bytes {magic.hex(' ')}, expected 00 00")
    if dtype is None:
        known = ", ".join(f"{code:02x}" for code in DTYPES)
        raise DataError(f"read_idx: {path}: unknown dtype code {magic[2]:02x}, expected one of {known}")
    if not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise DataError(f"read_idx: {path}: {magic[3]} dimensions, expected 1 to {MOST_DIMENSIONS}")

    shape = struct.unpack(f">{magic[3]}I", _take(path, stream, 4 * magic[3], "dimensions"))
    # Dimensions of 0 are left out here: NumPy cannot represent (0, 2**32 - 1, 2**32 - 1) either.
    if math.prod(n for n in shape if n) * dtype.itemsize > max_bytes:
        raise DataError(f"read_idx: {path}: the header announces {dtype.name} {shape}, more than {max_bytes} bytes")
    expected = math.prod(shape) * dtype.itemsize
    if size is not None and size - stream.tell() != expected:
        fault = "cut short" if size - stream.tell() < expected else "too long"
        raise DataError(
            f"read_idx: {path}: {fault}: the header announces {dtype.name} {shape}, {expected} bytes, "
            f"and {size - stream.tell()} follow"
        )
    values = _take(path, stream, expected, f"values, announced as {dtype.name} {shape}")
    # This read also reaches gzip's checksum, which is verified when the end of the stream is read.
    if stream.read(1):
        raise DataError(
            f"read_idx: {path}: too long: the header announces {dtype.name} {shape}, {expected} bytes, and more follow"
        )
    return np.frombuffer(values, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _take(path: Path, stream: BinaryIO | gzip.GzipFile, count: int, what: str) -> bytearray:
    """Exactly `count` bytes, read in pieces, so that memory grows with what is there, not with what is announced."""
    taken = bytearray()
    while len(taken) < count:
        piece = stream.read(min(CHUNK, count - len(taken)))
        if not piece:
            raise DataError(f"read_idx: {path}: cut short in the {what}: {len(taken)} of {count} bytes are there")
        taken += piece
    return taken
