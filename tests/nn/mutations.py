"""Reads thousands of damaged data files with little memory: `python -m tests.nn.mutations FOLDER`, on Linux.

Every file must be refused with the error that its reader names, or read right, which means as a second, plain reader
does. What else may happen (another error, MemoryError, a crash) ends the program. It prints one line for each kind of
file: how many were tried, and how many of them were refused.
"""

import gzip
import hashlib
import io
import json
import pickle
import resource
import sys
import tarfile
import warnings
from pathlib import Path

import numpy as np

import tensorgrad as tg
from nn.data import load_cifar10, published, read_idx
from nn.data.pickled import read_pickled
from nn.errors import DataError
from nn.io import load_file, save_file
from nn.train import load_checkpoint, save_checkpoint

from .test_idx import idx_bytes, mutated, reference
from .test_published import ARCHIVES, BATCHES, COUNT, FILES, archive, python2_pickle

SPARE = 300 << 20  # bytes of memory beyond what the program takes before the first file
RNG = np.random.default_rng(11)


def limit_memory():
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + SPARE, size + SPARE))


def tried(kind, count, original, read, refusal, right):
    """`read` a file of each mutation of `original`; what is not refused must be what `right` makes of its bytes."""
    refused = 0
    for _ in range(count):
        content = mutated(RNG, original)
        try:
            found = read(content)
        except refusal:
            refused += 1
        else:
            assert same(found, right(content)), f"{kind}: read wrong: {content[:500]!r}"
    print(kind, count, refused, flush=True)


def same(a, b):
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return a == b or (a != a and b != b)


def native_idx(content):
    array = reference(content)
    return array.astype(array.dtype.newbyteorder("="))


def plain_safetensors(content):
    size = int.from_bytes(content[:8], "little")
    header, values = json.loads(content[8 : 8 + size]), content[8 + size :]
    kinds = {"U8": "u1", "I64": "<i8", "F32": "<f4", "BOOL": "?", "F16": "<f2", "I8": "i1", "F64": "<f8", "U16": "<u2"}
    kinds |= {"I16": "<i2", "I32": "<i4", "U32": "<u4", "U64": "<u8"}
    return {
        name: np.frombuffer(values[slice(*entry["data_offsets"])], kinds[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in sorted(header.items())
        if name != "__metadata__"
    }


class PlainUnpickler(pickle.Unpickler):
    """Python's own, allowed what NumPy's arrays need: the second opinion on files that were read."""

    def find_class(self, module, name):
        assert (module, name) in {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
        }
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def plain_pickle(content):
    with warnings.catch_warnings():  # Python 2's files have align=0, which NumPy 2.4 would like to be False
        warnings.simplefilter("ignore")
        value = PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
    return {key if isinstance(key, str) else key.decode("latin-1"): item for key, item in value.items()}


def plain_cifar(files):
    """Images and labels of binary batches, by name."""
    rows = [np.frombuffer(files[name], np.uint8).reshape(COUNT, 3073) for name in BATCHES]
    train = np.concatenate(rows[:-1])
    return {
        "x_train": train[:, 1:].reshape(-1, 3, 32, 32),
        "y_train": train[:, 0],
        "x_test": rows[-1][:, 1:].reshape(-1, 3, 32, 32),
        "y_test": rows[-1][:, 0],
    }


def plain_archive(content):
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = {member.name: member for member in tar.getmembers()}
        files = {name: tar.extractfile(members[f"cifar-10-batches-bin/{name}.bin"]).read() for name in BATCHES}
    return plain_cifar(files)


def main(folder):
    path = folder / "file"

    def reader(read, file=path):
        def from_bytes(content):
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
            return read()

        return from_bytes

    images = idx_bytes(RNG.integers(0, 256, (7, 6, 5)).astype(np.uint8))
    floats = idx_bytes(RNG.standard_normal((4, 3)))
    tensors = {"a.weight": np.arange(12, dtype="f4").reshape(3, 4), "b": np.arange(3), "c": np.array([True, False])}
    save_file(tensors, path, {"note": "x"})
    weights = path.read_bytes()
    progress = {"epoch": 3, "rows": [{"loss": 0.5}], "best": np.arange(4.0)}
    save_checkpoint(path, {"rng": RNG}, progress)
    checkpoint = path.read_bytes()

    published.CIFAR_COUNT = COUNT
    batch = FILES["cifar-10-batches-bin"]["data_batch_2.bin"]
    binary = folder / "bin" / "cifar-10-batches-bin"
    binary.mkdir(parents=True)
    for name, content in FILES["cifar-10-batches-bin"].items():
        (binary / name).write_bytes(content)
    others = {name: (binary / f"{name}.bin").read_bytes() for name in BATCHES}
    packed = {name: archive(files) for name, files in ARCHIVES.items()}
    tar = gzip.decompress(packed["cifar-10-binary.tar.gz"])
    archives = folder / "archives"

    def read_archive():
        """Reads it as if its checksum were the published one, which in truth no damaged archive has."""
        content = (archives / "cifar-10-binary.tar.gz").read_bytes()
        published.CIFAR_MD5["cifar-10-binary.tar.gz"] = hashlib.md5(content).hexdigest()
        return vars(load_cifar10(archives))

    def read_batch(content):
        (binary / "data_batch_2.bin").write_bytes(content)
        return vars(load_cifar10(folder / "bin"))

    def from_archive(content):
        archives.mkdir(exist_ok=True)
        (archives / "cifar-10-binary.tar.gz").write_bytes(content)
        return read_archive()

    def checked_python(content):
        python = folder / "python" / "cifar-10-python.tar.gz"
        python.parent.mkdir(exist_ok=True)
        python.write_bytes(content)
        return vars(load_cifar10(python.parent))

    python_batch = FILES["cifar-10-batches-py"]["data_batch_1"]
    # Few pixels, so that most mutations hit the opcodes.
    short = python2_pickle(np.arange(6, dtype=np.uint8).reshape(2, 3), np.array([1, 2], np.uint8))
    short = short.replace(b"M\x02\x00M\x00\x0c\x86", b"K\x02K\x03\x86")

    limit_memory()
    tried("idx", 300, images, reader(lambda: read_idx(path)), DataError, native_idx)
    tried("idx of float64", 200, floats, reader(lambda: read_idx(path)), DataError, native_idx)
    tried("idx.gz", 300, gzip.compress(images), reader(lambda: read_idx(path)), DataError, native_idx)
    tried("safetensors", 800, weights, reader(lambda: load_file(path)), tg.FileFormatError, plain_safetensors)
    tried(
        "checkpoint", 400, checkpoint, reader(lambda: load_checkpoint(path).progress), tg.FileFormatError,
        lambda content: progress,
    )  # fmt: skip
    tried(
        "CIFAR binary",
        200,
        batch,
        read_batch,
        DataError,
        lambda content: plain_cifar(others | {"data_batch_2": content}),
    )
    tried("CIFAR tar.gz", 200, packed["cifar-10-binary.tar.gz"], from_archive, DataError, plain_archive)
    tried(
        "CIFAR tar", 300, tar, lambda content: from_archive(gzip.compress(content, 1)), DataError,
        lambda content: plain_archive(gzip.compress(content, 1)),
    )  # fmt: skip
    tried("CIFAR python tar.gz", 100, packed["cifar-10-python.tar.gz"], checked_python, DataError, lambda content: None)
    tried("CIFAR pickle", 100, python_batch, read_pickled, ValueError, plain_pickle)
    tried("short pickle", 1500, short, read_pickled, ValueError, plain_pickle)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
