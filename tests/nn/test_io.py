"""Safetensors files and atomic writing."""

import errno
import json
import os
import pickle
import re
import shlex
import stat
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import tensorgrad as tg
from nn.errors import MissingFileError
from nn.io import atomic_write, load_file, load_metadata, save, save_file
from tests.parity import tally

RNG = np.random.default_rng(0)
DTYPES = ["bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))]
DTYPES += ["float16", "float32", "float64"]
TENSORS = {
    "conv.weight": RNG.standard_normal((4, 3, 2, 2)).astype(np.float32),
    "conv.bias": RNG.standard_normal(4),
    "steps": np.array(12),
    "empty": np.zeros((0, 3), np.float16),
    "mask": np.array([True, False, True]),
}


def assert_same(found, expected):
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        np.testing.assert_array_equal(found[name], array)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def test_what_is_saved_is_loaded(path):
    save_file(TENSORS, path)
    assert_same(load_file(path), TENSORS)
    assert list(load_file(path)) == sorted(TENSORS)
    assert_same(safetensors.numpy.load_file(path), TENSORS)


def test_strings_serve_as_paths(path):
    save(TENSORS, str(path))
    assert_same(load_file(str(path)), TENSORS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_dtype_in_both_byte_orders(path, dtype, order):
    array = (RNG.standard_normal((3, 2)) * 100).astype(dtype)
    save_file({"x": array.astype(array.dtype.newbyteorder(order))}, path)
    assert_same(load_file(path), {"x": array})
    assert load_file(path)["x"].dtype.isnative


def test_any_memory_layout_keeps_its_values(path):
    """safetensors 0.8 writes the memory as it lies: a transposed array would come back with its values in disorder."""
    base = np.arange(24.0).reshape(2, 3, 4)
    layouts = {
        "transposed": base.T,
        "fortran": np.asfortranarray(base),
        "strided": base[:, ::2, 1:3],
        "negative": base[::-1, :, ::-1],
        "broadcast": np.broadcast_to(base[0, 0], (5, 4)),
        "0-d": base[1, 2, 3],
        "0-d view": base[1, 2, 3, ...],
    }
    save_file(layouts, path)
    assert_same(load_file(path), layouts)


def test_loaded_arrays_are_the_callers_to_change(path):
    save_file(TENSORS, path)
    first = load_file(path)
    for array in first.values():
        array[...] = 1
    assert_same(load_file(path), TENSORS)


class State:
    def state_dict(self):
        return {"weight": tg.from_numpy(TENSORS["conv.weight"]), "bias": TENSORS["conv.bias"]}


def test_modules_are_saved_by_their_state_dict(path):
    save(State(), path)
    assert_same(load_file(path), {"weight": TENSORS["conv.weight"], "bias": TENSORS["conv.bias"]})


def test_a_leaf_that_requires_grad_is_saved(path):
    save({"w": tg.tensor([1.0, 2.0], requires_grad=True)}, path)
    assert load_file(path)["w"].tolist() == [1.0, 2.0]


def test_metadata_comes_back_sorted(path):
    metadata = {name: name.upper() + " \u00e9\n" for name in "hgfedcba"}
    save_file(TENSORS, path, metadata)
    assert load_metadata(path) == metadata
    assert list(load_metadata(path)) == sorted(metadata)
    assert_same(load_file(path), TENSORS)
    assert_same(safetensors.numpy.load_file(path), TENSORS)
    save_file(TENSORS, path)
    assert load_metadata(path) == {}


def test_equal_input_gives_equal_bytes(path):
    """safetensors alone writes several entries of metadata in the order of a hash that differs between programs."""
    program = (
        "import sys, numpy as np; from nn.io import save_file; "
        "save_file({k: np.arange(3) for k in 'abcdef'}, sys.argv[1], {k: k for k in 'abcdef'})"
    )
    contents = set()
    for number in range(3):
        file = path.with_stem(str(number))
        subprocess.run([sys.executable, "-c", program, file], check=True, env=dict(os.environ, PYTHONPATH=root()))
        contents.add(file.read_bytes())
    assert len(contents) == 1
    size = int.from_bytes(contents.pop()[:8], "little")
    assert size % 8 == 0


def root() -> str:
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (({"x": np.array(["a"])},), "save: 'x' is <U1, expected one of bool, int8, uint8,"),
        (({"x": np.array([None])},), "save: 'x' is object, expected one of bool,"),
        (({"x": np.zeros(2, complex)},), "save: 'x' is complex128, expected one of bool,"),
        (({"x": [1.0]},), "save: 'x' is a list, expected an array or a Tensor"),
        (({3: np.zeros(2)},), "save: 3 cannot be a name, expected a string other than '__metadata__'"),
        (({"__metadata__": np.zeros(2)},), "save: '__metadata__' cannot be a name, expected a string other than"),
        (({"\ud800": np.zeros(2)},), r"save: '\ud800' cannot be a name: UTF-8 cannot write it"),
        ((TENSORS, {"epoch": 3}), "save: metadata 'epoch' is a int, expected a string"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_written(path, arguments, text):
    path.write_bytes(b"old")
    with pytest.raises(tg.DTypeError) as caught:
        save_file(arguments[0], path, *arguments[1:])
    assert str(caught.value).startswith(text)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("name", ["model.pth", "model.PT", "model.pkl", "model.pickle"])
def test_a_pickles_name_is_refused(tmp_path, name):
    with pytest.raises(tg.FileFormatError, match=rf"{name}: what is written is safetensors, not pickle: name it"):
        save(TENSORS, tmp_path / name)
    assert os.listdir(tmp_path) == []


# Reading what is damaged ---------------------------------------------------------------------------------------------


def file_bytes(header: dict | bytes, values: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


REFUSED_BY_SAFETENSORS = "damaged: "  # and its own words, which differ between versions
GOOD = file_bytes({"x": entry("F32", [2], 0, 8)}, bytes(8))

DAMAGED = {
    "empty": (b"", "cut short: 0 bytes, and a safetensors file starts with 8 and a header"),
    "eight bytes": (GOOD[:8], "cut short: 8 bytes, and a safetensors file starts with 8 and a header"),
    "header cut": (GOOD[:20], "cut short: its header should take 61 bytes, and 12 are there"),
    "values cut": (GOOD[:-3], "cut short: its header announces 8 bytes of values, and 5 are there"),
    "too long": (GOOD + b"more", "too long: its header announces 8 bytes of values, and 12 are there"),
    "text": (b"Dear reader, this is text.", "not a safetensors file"),
    "header of no JSON": (file_bytes(b"{hello}"), REFUSED_BY_SAFETENSORS),
    "deep header": (file_bytes(b'{"a":' * 100_000), REFUSED_BY_SAFETENSORS),
    "unknown dtype": (file_bytes({"x": entry("F33", [2], 0, 8)}, bytes(8)), REFUSED_BY_SAFETENSORS),
    "shape and size": (file_bytes({"x": entry("F32", [3], 0, 8)}, bytes(8)), REFUSED_BY_SAFETENSORS),
    "overlap": (
        file_bytes({"x": entry("U8", [4], 0, 4), "y": entry("U8", [4], 0, 4)}, bytes(4)),
        REFUSED_BY_SAFETENSORS,
    ),
    "negative size": (file_bytes({"x": entry("U8", [-4], 0, 4)}, bytes(4)), REFUSED_BY_SAFETENSORS),
    "overflow": (file_bytes({"x": entry("U8", [1 << 63, 4], 0, 4)}, bytes(4)), REFUSED_BY_SAFETENSORS),
    "bfloat16": (
        file_bytes({"x": entry("BF16", [2], 0, 4)}, bytes(4)),
        "tensor 'x' is BF16, expected one of BOOL, I8, U8,",
    ),
    "bool": (
        file_bytes({"x": entry("BOOL", [2], 0, 2)}, b"\1\2"),
        "damaged: tensor 'x' is BOOL and holds values other than 0 and 1",
    ),
    "dimensions": (
        file_bytes({"x": entry("U8", [1] * 65, 0, 1)}, b"a"),
        f"tensor 'x' of shape {[1] * 65}: maximum supported dimension",
    ),
    "empty and vast": (
        file_bytes({"x": entry("F32", [0, 1 << 40, 1 << 40], 0, 0)}),
        "tensor 'x' of shape [0, 1099511627776, 1099511627776]: array is too big",
    ),
}


@pytest.mark.parametrize("read", [load_file])
@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_refused_with_the_reason(path, case, read):
    content, text = DAMAGED[case]
    path.write_bytes(content)
    with pytest.raises(tg.FileFormatError) as caught:
        read(path)
    assert str(caught.value).startswith(f"load: {path}: {text}")


def test_metadata_of_damaged_files_is_refused_too(path):
    path.write_bytes(GOOD[:-1])
    with pytest.raises(tg.FileFormatError, match="cut short"):
        load_metadata(path)


def test_absent_files_and_folders(tmp_path):
    with pytest.raises(MissingFileError, match="absent: there is no such file"):
        load_file(tmp_path / "absent")
    with pytest.raises(tg.FileFormatError, match="is a folder, not a file"):
        load_file(tmp_path)


def reference(content: bytes) -> dict[str, np.ndarray]:
    """What a file says, read in the plainest way; raises if it says nothing."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header.pop("__metadata__", None)
    values = content[8 + size :]
    kinds = {"B": "?", "I": "<i", "U": "<u", "F": "<f"}
    arrays = {}
    for name, item in header.items():
        kind, bits = item["dtype"][0], item["dtype"][1:]
        dtype = "?" if kind == "B" else kinds[kind] + str(int(bits) // 8)
        start, end = item["data_offsets"]
        arrays[name] = np.frombuffer(values[start:end], dtype).reshape(item["shape"])
    return arrays


def mutated(rng: np.random.Generator, content: bytes) -> bytes:
    """A few random bytes changed, mostly in the header, a piece cut out, the end lost, or bytes put in."""
    kind = rng.integers(4)
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    if kind == 0:
        changed = bytearray(content)
        for place in rng.integers(0, rng.choice([8, 300, len(content)]), rng.integers(1, 4)):
            changed[place] = rng.choice([rng.integers(256), *b'{}[]",:0179'])
        return bytes(changed)
    if kind == 1:
        return content[:start] + content[end:]
    if kind == 2:
        return content[:end]
    return content[:start] + rng.bytes(int(rng.integers(1, 9))) + content[start:]


def loaded_or_refused(path: Path) -> dict[str, np.ndarray] | str:
    try:
        return load_file(path)
    except tg.FileFormatError as error:
        return str(error)


def test_mutated_files_are_refused_or_read_right(path):
    rng = np.random.default_rng(11)
    save_file(TENSORS, path, {"epoch": "3", "made by": "tensorgrad"})
    original = path.read_bytes()
    refused = 0
    for _ in range(800):
        content = mutated(rng, original)
        path.write_bytes(content)
        found = loaded_or_refused(path)
        if isinstance(found, str):
            assert found.startswith(f"load: {path}: ")
            refused += 1
        else:
            assert_same(found, reference(content))
            load_metadata(path)
    assert refused > 400  # the mutations did damage


def test_every_truncation_is_refused(path):
    save_file({"a": np.arange(3.0), "b": np.ones(5, np.int8)}, path)
    original = path.read_bytes()
    for length in range(len(original)):
        path.write_bytes(original[:length])
        with pytest.raises(tg.FileFormatError, match=r"cut short"):
            load_file(path)


def zip_with_pickle() -> bytes:
    return b"PK\3\4" + bytes(26) + b"archive/data.pkl" + pickle.dumps({"weight": 1})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("net.pth", b"anything"),
        ("net.pt", b""),
        ("net.bin", pickle.dumps({"weight": 1})),
        ("net.safetensors", zip_with_pickle()),
        ("it's net.pth", zip_with_pickle()),
    ],
)
def test_pickles_are_refused_with_the_line_that_converts_them(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    target = file.with_name("net.converted.safetensors" if name == "net.safetensors" else f"{file.stem}.safetensors")
    with pytest.raises(tg.FileFormatError) as caught:
        load_file(file)
    text = str(caught.value)
    assert text.startswith(
        f"load: {file}: is a pickle file, as torch.save writes them, and refused because opening one can run code "
        f"from it. Where PyTorch is installed, this converts it to {target.name}: python -c "
    )
    *_, program = shlex.split(text[text.index("python -c ") :])
    compile(program, "conversion", "exec")
    assert repr(str(file)) in program
    assert repr(str(target)) in program


def test_a_safetensors_header_of_640_bytes_is_no_pickle(path):
    """Its length starts with the bytes of a pickle's first opcodes; a cut file must still be told as cut."""
    header = json.dumps({"x": entry("U8", [4], 0, 4)}).encode()
    content = file_bytes(header + b" " * (640 - len(header)), b"abcd")
    assert content[:2] == b"\x80\2"
    path.write_bytes(content)
    assert load_file(path)["x"].tolist() == list(b"abcd")
    path.write_bytes(content[:-1])
    with pytest.raises(tg.FileFormatError, match="cut short"):
        load_file(path)


def test_a_safetensors_file_of_any_name_is_read(tmp_path):
    (tmp_path / "odd.pt").write_bytes(GOOD)
    assert load_file(tmp_path / "odd.pt")["x"].shape == (2,)


def conversion_of(file):
    """Run the line that the error prints; the file that it says it writes."""
    with pytest.raises(tg.FileFormatError, match="is a pickle file") as caught:
        load_file(file)
    told = re.search(r"this converts it to (.*?): (python -c .*)$", str(caught.value), re.DOTALL)
    python, *arguments = shlex.split(told[2])
    assert python == "python"
    assert "\n" not in told[2]
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    if done.returncode:
        return done.stderr
    assert done.stderr == ""
    return file.with_name(told[1])


@pytest.mark.parity
@pytest.mark.parametrize(
    "name, target, key, old_format",
    [
        ("it's net.pth", "it's net.safetensors", None, False),
        ("it's net.pth", "it's net.safetensors", None, True),
        ("w.safetensors", "w.converted.safetensors", None, False),
        ("w.safetensors", "w.converted.safetensors", "state_dict", True),
        ("w", "w.safetensors", "state_dict", False),
        ("w.pt", "w.safetensors", "model_state_dict", False),
        ("w.pt", "w.safetensors", "model", False),
    ],
)
def test_the_conversion_works(tmp_path, name, target, key, old_format):
    torch = pytest.importorskip("torch")
    file = tmp_path / name
    weight = torch.arange(6.0).reshape(2, 3)
    weights = {"a": weight.T, "tied": weight, "n": torch.tensor(3), "model.x": weight, "model": torch.ones(2)}
    around = {key: weights, "epoch": 3, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}
    torch.save(around if key else weights, file, _use_new_zipfile_serialization=not old_format)
    before = file.read_bytes()
    assert conversion_of(file) == tmp_path / target
    assert_same(load_file(tmp_path / target), {k: v.numpy() for k, v in weights.items()})
    assert file.read_bytes() == before
    tally.count("conversions")


@pytest.mark.parity
@pytest.mark.parametrize(
    "around",
    [
        lambda weights: {"net": weights, "epoch": 3},
        lambda weights: [3, weights],
        lambda weights: {"ema": {"n": weights["n"]}, "model": weights},
        lambda weights: {"run": {"model_state": weights, "optimizer": {"state": {0: {"step": weights["n"]}}}}},
        lambda weights: {"optimizer": {"state": {0: {"step": weights["n"]}}}, "net": {"weights": {"w": weights}}},
    ],
)
def test_the_conversion_finds_the_one_dict_of_tensors(tmp_path, around):
    torch = pytest.importorskip("torch")
    weights = {"a": torch.nn.Parameter(torch.ones(2, 3)), "n": torch.tensor(3)}
    torch.save(around(weights), tmp_path / "net.pth")
    assert conversion_of(tmp_path / "net.pth") == tmp_path / "net.safetensors"
    assert_same(load_file(tmp_path / "net.safetensors"), {k: v.detach().numpy() for k, v in weights.items()})
    tally.count("conversions")


@pytest.mark.parity
@pytest.mark.parametrize(
    "held, text",
    [
        (lambda a: a, "no dicts of nothing but tensors by name"),
        (lambda a: [a, a], "no dicts of nothing but tensors by name"),
        (lambda a: {"epoch": 3, "lr": [0.1]}, "no dicts of nothing but tensors by name"),
        (lambda a: {"state": {0: {"step": a}, 1: {"step": a}}}, "no dicts of nothing but tensors by name"),
        (lambda a: {0: a}, "no dicts of nothing but tensors by name"),
        (lambda a: {}, "no dicts of nothing but tensors by name"),
        (lambda a: 3, "no dicts of nothing but tensors by name"),
        (lambda a: {"g": {"w": a}, "d": {"w": a}}, "2 dicts of nothing but tensors by name, ['g'], ['d']"),
    ],
)
def test_the_conversion_says_what_it_cannot_convert(tmp_path, held, text):
    torch = pytest.importorskip("torch")
    file = tmp_path / "net.pth"
    torch.save(held(torch.ones(2)), file)
    assert conversion_of(file) == f"{file} was not converted: it holds {text}\n"
    assert os.listdir(tmp_path) == ["net.pth"]


@pytest.mark.parity
@pytest.mark.parametrize("dangling", [False, True])
def test_the_conversion_overwrites_nothing(tmp_path, dangling):
    torch = pytest.importorskip("torch")
    file, target = tmp_path / "net.pth", tmp_path / "net.safetensors"
    torch.save({"a": torch.ones(2)}, file)
    if dangling:
        target.symlink_to("absent")
    else:
        target.write_bytes(b"precious")
    told = f"{target} exists already and is not overwritten: load it, or move it away\n"
    assert conversion_of(file) == told
    assert sorted(os.listdir(tmp_path)) == ["net.pth", "net.safetensors"]
    assert dangling or target.read_bytes() == b"precious"


# Writing whole or not at all -----------------------------------------------------------------------------------------


def test_atomic_write_writes_and_leaves_nothing_else(tmp_path):
    for content in (b"one", bytearray(b"two"), memoryview(b"three"), b""):
        atomic_write(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == bytes(content)
        assert os.listdir(tmp_path) == ["file"]


def fail_with(error):
    def fail(*arguments, **keywords):
        raise error

    return fail


class FullDisk:
    """An opened file that fails half-way through writing."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, content):
        self.file.write(bytes(content)[: len(content) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("existing", [False, True], ids=["new", "existing"])
@pytest.mark.parametrize("failure", ["replace", "fsync", "write", "interrupt"])
def test_a_failure_leaves_the_old_file_and_nothing_else(path, monkeypatch, failure, existing):
    if existing:
        save_file(TENSORS, path)
    before = {name: (path.parent / name).read_bytes() for name in os.listdir(path.parent)}
    error: BaseException = OSError(errno.EIO, "planted")
    if failure == "replace":
        monkeypatch.setattr(os, "replace", fail_with(error))
    elif failure == "fsync":
        monkeypatch.setattr(os, "fsync", fail_with(error))
    elif failure == "interrupt":
        error = KeyboardInterrupt()
        monkeypatch.setattr(os, "replace", fail_with(error))
    else:
        error = OSError(errno.ENOSPC, "No space left on device")
        real = Path.open
        monkeypatch.setattr(Path, "open", lambda self, mode: FullDisk(real(self, mode)))
    with pytest.raises(type(error)):
        save_file({"x": np.zeros(100)}, path)
    monkeypatch.undo()
    assert {name: (path.parent / name).read_bytes() for name in os.listdir(path.parent)} == before


def test_the_content_is_on_the_disk_before_the_name_and_the_name_after(path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append(stat.S_ISDIR(os.fstat(fd).st_mode)), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (events.append("replace"), replace(a, b)))
    atomic_write(path, b"content")
    assert events == [False, "replace", True]


def test_a_file_system_that_cannot_sync_folders_is_no_failure(path, monkeypatch):
    fsync = os.fsync

    def files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    atomic_write(path, b"content")
    assert path.read_bytes() == b"content"


def test_permissions_follow_the_umask_and_those_of_an_existing_file_stay(path):
    umask = os.umask(0o027)
    try:
        atomic_write(path, b"new")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    atomic_write(path, b"newer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "target"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("where", ["open", "replace"])
def test_an_error_names_the_file_and_not_the_temporary_one(where, path, monkeypatch):
    def fail(first, *others):
        raise PermissionError(errno.EACCES, "Permission denied", str(first), None, *map(str, others[:1]))

    monkeypatch.setattr(*((Path, "open", lambda self, mode: fail(self)) if where == "open" else (os, "replace", fail)))
    with pytest.raises(PermissionError) as caught:
        atomic_write(path, b"new")
    assert str(caught.value) == f"[Errno {errno.EACCES}] Permission denied: {str(path)!r}"


def test_what_cannot_be_replaced_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"below/file: there is no folder .*below to write it to"):
        atomic_write(tmp_path / "below" / "file", b"")
    with pytest.raises(OSError, match="is not a regular file, so it cannot be replaced"):
        atomic_write(tmp_path, b"")
    with pytest.raises(OSError, match="is not a regular file"):
        atomic_write(os.devnull, b"")
    assert os.listdir(tmp_path) == []


def test_a_killed_writer_leaves_a_readable_file(path):
    """kill -9 at several moments of saving again and again: the file is always one of those that were saved."""
    program = (
        "import sys, itertools, numpy as np; from nn.io import save_file\n"
        "for n in itertools.count():\n"
        "    save_file({'x': np.full(200_000, n)}, sys.argv[1]); print(n, flush=True)"
    )
    environment = dict(os.environ, PYTHONPATH=root())
    for delay in (0.0, 0.003, 0.01):
        with subprocess.Popen(
            [sys.executable, "-c", program, path], env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            process.stdout.readline()
            try:
                process.wait(delay)
            except subprocess.TimeoutExpired:
                process.kill()
        found = load_file(path)["x"]
        assert found.shape == (200_000,)
        assert np.all(found == found[0])
