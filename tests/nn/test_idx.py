"""read_idx: what it reads, what it refuses and in which words, and that no damaged file gets past it."""

import gzip
import math
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from nn.data import read_idx
from nn.errors import DataError, MissingFileError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file-idx"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0,), (0, 28, 28), (3, 0), (1,) * 64], ids=str)
@pytest.mark.parametrize("code", CODES)
def test_reads_every_dtype_in_native_order(path, code, shape, pack):
    array = (np.arange(math.prod(shape)) * 37 - 100).astype(code).reshape(shape)
    path.write_bytes(pack(idx_bytes(array)))
    result = read_idx(path)
    assert result.dtype == array.dtype
    assert result.dtype.isnative
    np.testing.assert_array_equal(result, array)
    result[...] = 1  # the array is the caller's


def test_takes_a_path_as_string_and_reads_several_gzip_members(path):
    content = idx_bytes(np.arange(5, dtype=np.uint8))
    path.write_bytes(gzip.compress(content[:7]) + gzip.compress(content[7:]))
    assert read_idx(str(path)).tolist() == [0, 1, 2, 3, 4]


REFUSED = {
    "empty": (b"", "cut short in the magic number: 0 of 4 bytes are there"),
    "not idx": (b"\x89PNG\r\n", "not an idx file: starts with bytes 89 50 4e 47, expected 00 00"),
    "dtype": (b"\0\0\x0a\1" + bytes(4), "unknown dtype code 0a, expected one of 08, 09, 0b, 0c, 0d, 0e"),
    "no dimension": (b"\0\0\x08\0", "0 dimensions, expected 1 to 64"),
    "255 dimensions": (b"\0\0\x08\xff" + bytes(2000), "255 dimensions, expected 1 to 64"),
    "dimensions cut": (b"\0\0\x08\3\0\0\0\1", "cut short in the dimensions: 4 of 12 bytes are there"),
    "values cut": (
        b"\0\0\x0b\1\0\0\0\3" + bytes(5),
        "cut short: the header announces int16 (3,), 6 bytes, and 5 follow",
    ),
    "too long": (
        b"\0\0\x0b\1\0\0\0\3" + bytes(7),
        "too long: the header announces int16 (3,), 6 bytes, and 7 follow",
    ),
    "absurd size": (
        b"\0\0\x0e\2" + b"\xff" * 8,
        "the header announces float64 (4294967295, 4294967295), more than 1073741824 bytes",
    ),
    "absurd empty": (
        b"\0\0\x08\3" + bytes(4) + b"\xff" * 8,
        "the header announces uint8 (0, 4294967295, 4294967295), more than 1073741824 bytes",
    ),
    "gz values cut": (
        gzip.compress(b"\0\0\x0b\1\0\0\0\3" + bytes(5)),
        "cut short in the values, announced as int16 (3,): 5 of 6 bytes are there",
    ),
    "gz too long": (
        gzip.compress(b"\0\0\x0b\1\0\0\0\3" + bytes(7)),
        "too long: the header announces int16 (3,), 6 bytes, and more follow",
    ),
    "gz cut": (gzip.compress(b"\0\0\x08\1\0\0\0\1\7")[:-4], "cut short: the gzip data end too early"),
    "gz header cut": (b"\x1f\x8b", "cut short: the gzip data end too early"),
    "gz checksum": (
        gzip.compress(b"\0\0\x08\1\0\0\0\1\7")[:-8] + bytes(8),
        "damaged gzip data: CRC check failed",
    ),
    "gz garbage after": (
        gzip.compress(b"\0\0\x08\1\0\0\0\1\7") + b"garbage",
        "damaged gzip data: Not a gzipped file",
    ),
    "gz stream": (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 20, "damaged gzip data: Error -3 while decompressing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_the_reason(path, case):
    content, text = REFUSED[case]
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"read_idx: {path}: {text}")


def test_refuses_what_is_absent_or_no_file(tmp_path):
    with pytest.raises(MissingFileError, match="absent: there is no such file"):
        read_idx(tmp_path / "absent")
    (tmp_path / "file").touch()
    with pytest.raises(MissingFileError, match="there is no such file"):
        read_idx(tmp_path / "file" / "below")
    with pytest.raises(DataError, match="is a folder, not a file"):
        read_idx(tmp_path)
    with pytest.raises(DataError, match="is not a regular file"):
        read_idx(os.devnull)


def test_errors_are_those_a_caller_would_expect():
    assert issubclass(DataError, tg.FileFormatError)
    assert issubclass(DataError, ValueError)
    assert issubclass(MissingFileError, tg.FileFormatError)
    assert issubclass(MissingFileError, FileNotFoundError)


def test_max_bytes_admits_and_refuses(path):
    path.write_bytes(idx_bytes(np.zeros((2, 5), np.int16)))
    assert read_idx(path, max_bytes=20).shape == (2, 5)
    with pytest.raises(DataError, match=r"announces int16 \(2, 5\), more than 19 bytes"):
        read_idx(path, max_bytes=19)


@pytest.mark.parametrize("announced", [3, 900_000_000], ids=["announces little", "announces more than there is"])
def test_gzip_bomb_does_not_take_memory(path, announced):
    """What is not announced is never unpacked, what is announced but absent never allocated."""
    hidden = 64 << 20 if announced == 3 else 1000
    path.write_bytes(gzip.compress(b"\0\0\x08\1" + struct.pack(">I", announced) + bytes(hidden), 6))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="and more follow" if announced == 3 else "cut short in the values"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def mutated(rng: np.random.Generator, content: bytes) -> bytes:
    """A few random bytes changed, a piece cut out, the end lost, or bytes put in."""
    kind = rng.integers(4)
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    if kind == 0:
        changed = bytearray(content)
        for place in rng.integers(0, min(len(content), rng.choice([12, len(content)])), rng.integers(1, 4)):
            changed[place] = rng.integers(256)
        return bytes(changed)
    if kind == 1:
        return content[:start] + content[end:]
    if kind == 2:
        return content[:end]
    return content[:start] + rng.bytes(int(rng.integers(1, 9))) + content[start:]


def reference(content: bytes) -> np.ndarray:
    """What an undamaged file says, read in the plainest way; raises if it says nothing."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    assert content[:2] == b"\0\0"
    dtype = next(name for name, code in CODES.items() if code == content[2])
    ndim = content[3]
    shape = struct.unpack(f">{ndim}I", content[4 : 4 + 4 * ndim])
    return np.frombuffer(content[4 + 4 * ndim :], ">" + dtype).reshape(shape)


def read_or_refused(path: Path) -> np.ndarray | str:
    try:
        return read_idx(path)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_mutated_files_are_refused_or_read_right(path, pack):
    rng = np.random.default_rng(7)
    original = pack(idx_bytes(rng.integers(0, 256, (3, 4, 5)).astype(np.uint8)))
    refused = 0
    for _ in range(600):
        content = mutated(rng, original)
        path.write_bytes(content)
        found = read_or_refused(path)
        if isinstance(found, str):
            assert found.startswith(f"read_idx: {path}: ")
            refused += 1
        else:
            np.testing.assert_array_equal(found, reference(content))
    assert refused > 300  # the mutations did damage


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_every_truncation_is_refused(path, pack):
    original = pack(idx_bytes(np.arange(24, dtype=np.float32).reshape(2, 3, 4)))
    for length in range(len(original)):
        path.write_bytes(original[:length])
        with pytest.raises(DataError, match="cut short"):
            read_idx(path)
