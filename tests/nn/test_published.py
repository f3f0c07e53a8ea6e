"""MNIST, Fashion-MNIST and CIFAR-10: where they are looked for, how they are verified, downloads.

The sets themselves are not at hand everywhere, so these tests put small ones, or CIFAR-10 of random pixels, in their
places and their sums in place of the published ones. Fashion-MNIST itself is read where Debian's package has put it.
"""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import io
import os
import pickle
import struct
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from nn.data import ImageData, load_cifar10, load_fashion_mnist, load_mnist, published
from nn.data.pickled import read_pickled
from nn.errors import DataError, MissingFileError

from .test_data import NAMES, assert_holds, parts, write
from .test_idx import idx_bytes

SETS = {
    "MNIST": (load_mnist, parts(1), "MNIST/raw"),
    "FASHION_MNIST": (load_fashion_mnist, parts(2), "FashionMNIST/raw"),
}


@pytest.fixture(autouse=True)
def own_machine(tmp_path, monkeypatch):
    """No data set of this machine: an empty cache, no variable, no system folder; the small sets are the published."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TENSORGRAD_DATA", raising=False)
    for name, (_, arrays, _) in SETS.items():
        contents = [idx_bytes(array) for array in arrays.values()]
        changed = dataclasses.replace(
            getattr(published, name),
            system_folders=(str(tmp_path / "system"),) if name == "FASHION_MNIST" else (),
            sha256=tuple(hashlib.sha256(content).hexdigest() for content in contents),
            gz_md5=tuple(hashlib.md5(gzip.compress(content, mtime=0)).hexdigest() for content in contents),
        )
        monkeypatch.setattr(published, name, changed)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", SETS)
def test_all_places_are_looked_in(name, suffix, tmp_path, monkeypatch):
    load, arrays, torchvision = SETS[name]
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path / "variable"))
    places = ["given", "variable", "cache/tensorgrad", *["system"] * (name == "FASHION_MNIST")]
    for place in places:
        for below in ("", "raw", torchvision):
            folder = write(tmp_path / place / below, arrays, suffix)
            assert_holds(load(tmp_path / "given" if place == "given" else None), arrays)
            for path in folder.iterdir():
                if path.is_file():
                    path.unlink()


def test_fashion_mnist_under_mnists_file_names_is_told_apart(tmp_path):
    write(tmp_path, SETS["FASHION_MNIST"][1])
    write(tmp_path / "MNIST/raw", SETS["MNIST"][1], ".gz")
    assert_holds(load_mnist(tmp_path), SETS["MNIST"][1])
    assert_holds(load_fashion_mnist(tmp_path), SETS["FASHION_MNIST"][1])


def test_what_is_missing_is_told_with_folders_mirrors_and_the_package(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path / "variable"))
    write(tmp_path / "given", SETS["MNIST"][1])
    write(tmp_path / "variable", {NAMES[0]: SETS["FASHION_MNIST"][1][NAMES[0]]})
    with pytest.raises(MissingFileError) as caught:
        load_fashion_mnist(tmp_path / "given")
    assert str(caught.value) == (
        "load_fashion_mnist: Fashion-MNIST was not found. Looked for train-images-idx3-ubyte, train-labels-idx1-ubyte, "
        f"t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (with or without .gz) in {tmp_path}/given, "
        f"{tmp_path}/variable, {tmp_path}/system, {tmp_path}/cache/tensorgrad. {tmp_path}/given holds MNIST. "
        f"{tmp_path}/variable lacks train-labels, t10k-images, t10k-labels. Name the folder, or set TENSORGRAD_DATA, "
        "or fetch the files with load_fashion_mnist(download=True) (pip install 'tensorgrad-engine[data]') from "
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/ or "
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/. "
        "On Debian and Ubuntu: apt-get install dataset-fashion-mnist"
    )
    with pytest.raises(MissingFileError, match=r"Looked for cifar-10-batches-bin, .* in .*cache/tensorgrad\. Name the"):
        load_cifar10()


@pytest.mark.parametrize("name", NAMES)
def test_other_content_is_refused_by_its_checksum(tmp_path, name):
    arrays = {key: array.copy() for key, array in SETS["MNIST"][1].items()}
    arrays[name].flat[3] ^= 1
    write(tmp_path, arrays)
    with pytest.raises(DataError) as caught:
        load_mnist(tmp_path)
    assert str(caught.value).startswith(
        f"load_mnist: {tmp_path / name}: is not MNIST's file, or damaged: the sha256 of its content, unpacked, is "
    )


def test_the_published_fashion_mnist_has_the_sums_given_here():
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there: apt-get install dataset-fashion-mnist")
    for name, expected in zip(NAMES, ORIGINAL_SHA256, strict=True):
        content = gzip.decompress((folder / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == expected


ORIGINAL_SHA256 = published.FASHION_MNIST.sha256


# ----- CIFAR-10 -----

COUNT = 20  # images in a batch here
BATCHES = published.CIFAR_BATCHES


def cifar():
    rng = np.random.default_rng(3)
    labels = {name: rng.permutation(np.arange(COUNT, dtype=np.uint8) % 10) for name in BATCHES}
    return {name: (rng.integers(0, 256, (COUNT, 3072)).astype(np.uint8), labels[name]) for name in BATCHES}


CIFAR = cifar()


def binary(pixels, labels):
    return np.concatenate([labels[:, None], pixels], axis=1).tobytes()


def python2_pickle(pixels, labels, name="data_batch"):
    """Byte by byte as Python 2's cPickle (protocol 2) and NumPy 1 wrote the official batches."""

    def text(value):
        value = value.encode()
        return b"U" + bytes([len(value)]) + value

    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01"
        + b"M" + struct.pack("<H", len(pixels)) + b"M\x00\x0c\x86"
        + b"cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T" + struct.pack("<i", pixels.size) + pixels.tobytes() + b"tb"
    )  # fmt: skip
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    files = b"".join(text(f"image_{i}.png") for i in range(len(labels)))
    return (
        b"\x80\x02}q\x01(" + text("batch_label") + b"q\x02" + text(f"training batch {name}") + b"q\x03"
        + text("labels") + b"q\x04]q\x05(" + numbers + b"e" + text("data") + b"q\x06" + array
        + text("filenames") + b"q\x0c]q\r(" + files + b"eu."
    )  # fmt: skip


FILES = {
    "cifar-10-batches-bin": {f"{name}.bin": binary(*CIFAR[name]) for name in BATCHES},
    "cifar-10-batches-py": {name: python2_pickle(*CIFAR[name]) for name in BATCHES},
}


def archive(folder, files=None):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(f"{folder}/"))
        for name, content in (files or FILES[folder]).items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


ARCHIVES = {"cifar-10-binary.tar.gz": "cifar-10-batches-bin", "cifar-10-python.tar.gz": "cifar-10-batches-py"}


@pytest.fixture(autouse=True)
def small_cifar(monkeypatch):
    monkeypatch.setattr(published, "CIFAR_COUNT", COUNT)
    monkeypatch.setattr(
        published, "CIFAR_MD5", {name: hashlib.md5(archive(folder)).hexdigest() for name, folder in ARCHIVES.items()}
    )
    sums = {name: hashlib.md5(content).hexdigest() for name, content in FILES["cifar-10-batches-py"].items()}
    monkeypatch.setattr(published, "CIFAR_PYTHON_MD5", sums)


def unpack(base, folder):
    (base / folder).mkdir(parents=True)
    for name, content in FILES[folder].items():
        (base / folder / name).write_bytes(content)
    return base / folder


def assert_is_cifar(data: ImageData):
    assert data.x_train.shape == (5 * COUNT, 3, 32, 32)
    assert data.x_test.shape == (COUNT, 3, 32, 32)
    assert {array.dtype for array in vars(data).values()} == {np.dtype(np.uint8)}
    for number, name in enumerate(BATCHES[:-1]):
        part = slice(number * COUNT, (number + 1) * COUNT)
        np.testing.assert_array_equal(data.x_train[part].reshape(COUNT, 3072), CIFAR[name][0])
        np.testing.assert_array_equal(data.y_train[part], CIFAR[name][1])
    np.testing.assert_array_equal(data.x_test.reshape(COUNT, 3072), CIFAR["test_batch"][0])
    np.testing.assert_array_equal(data.y_test, CIFAR["test_batch"][1])


@pytest.mark.parametrize("folder", FILES)
def test_cifar_from_its_folder_and_the_folder_itself(tmp_path, folder):
    unpack(tmp_path, folder)
    assert_is_cifar(load_cifar10(tmp_path))
    assert_is_cifar(load_cifar10(tmp_path / folder))


@pytest.mark.parametrize("name", ARCHIVES)
def test_cifar_from_its_archive_without_unpacking(tmp_path, name, monkeypatch):
    (tmp_path / name).write_bytes(archive(ARCHIVES[name]))
    assert_is_cifar(load_cifar10(tmp_path))
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path))
    assert_is_cifar(load_cifar10())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def damage(path, place=100):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_damaged_cifar_is_refused(tmp_path):
    for name, folder in ARCHIVES.items():
        (tmp_path / name).write_bytes(archive(folder))
        damage(tmp_path / name)
        with pytest.raises(DataError, match=f"load_cifar10: .*{name}: damaged: its md5 is .*, published is "):
            load_cifar10(tmp_path)
        (tmp_path / name).unlink()
    path = unpack(tmp_path / "py", "cifar-10-batches-py") / "data_batch_3"
    damage(path)
    with pytest.raises(DataError, match=r"data_batch_3: damaged: its md5 is .*, published is "):
        load_cifar10(tmp_path / "py")
    path.unlink()
    with pytest.raises(MissingFileError, match=r"data_batch_3: there is no such file$"):
        load_cifar10(tmp_path / "py")
    path = unpack(tmp_path / "bin", "cifar-10-batches-bin") / "test_batch.bin"
    good = path.read_bytes()
    for content, text in (
        (good[:-1], f"cut short: {len(good) - 1} bytes, expected {len(good)}"),
        (good + b"x", f"too long: {len(good) + 1} bytes, expected {len(good)}"),
        (b"\x0a" + good[1:], "label 10 of image 0, expected 0 to 9"),
        (bytes([(good[0] + 1) % 10]) + good[1:], "the test labels occur "),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            load_cifar10(tmp_path / "bin")
        assert text in str(caught.value)


class Trap:
    def __reduce__(self):
        return os.system, ("echo trapped > trap",)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (pickle.dumps({"a": Trap()}, 2), "it asks for 'posix system', which plain data do not need"),
        (pickle.dumps({"a": Trap()}, 5), "it asks for 'posix system', which plain data do not need"),
        (pickle.dumps({"a": np.zeros(3)}, 3), "it calls something in a way that uint8 arrays do not need"),
        (pickle.dumps({"a": np.array([None])}, 3), "it calls something in a way that uint8 arrays do not need"),
        (pickle.dumps({"a": 1.5}, 2), "opcode BINFLOAT at byte"),
        (pickle.dumps({1: 2}, 2), "a dict's key is a int, expected a string"),
        (pickle.dumps([1], 2), "it holds a list, expected a dict"),
        (pickle.dumps({"a": 1}, 2)[:-1], "pickle exhausted before seeing STOP"),
        (b"\x80\x02}q\x01U\x01aq\x02cnumpy\nndarray\nK\x00\x85Rs.", "it calls something in a way that uint8 arrays"),
        (pickle.dumps({"a": [[1]]}, 2), "'a' is neither an array nor a plain value nor a list of such"),
        (pickle.dumps({"a": np.ndarray}, 2), "'a' is neither an array nor a plain value nor a list of such"),
        (pickle.dumps({"a": 1}, 2).replace(b"\x80\x02", b"\x80\x09"), "protocol 9, expected 5 or less"),
        (b"\x80\x04\x95\xff" + bytes(7) + b"}.", "a frame of 255 bytes is longer than what is left"),
        (b"", "pickle exhausted before seeing STOP"),
        (b"0.", "opcode POP at byte 0 is not one of those that plain data need"),
        (b"a.", "its opcodes do not fit each other: IndexError"),
        (b"(.", "it does not end with one value"),
        (b"\x80\x02}h\x07.", "its opcodes do not fit each other: KeyError(7)"),
    ],
)
def test_no_other_pickle_is_read_and_none_is_executed(content, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the text is compared below
        read_pickled(content)
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("protocol", [3, 4])
def test_plain_values_come_out_as_pickle_would_give_them(protocol):
    value = {
        "data": np.arange(24, dtype=np.uint8).reshape(2, 3, 4), "labels": [1, 2, 300, -5, 2**40], "text": "é",
        "bytes": b"\xff", "none": None, "flags": [True, False], "empty": [],
        "f": np.asfortranarray(np.eye(3, dtype="u1")),
    }  # fmt: skip
    found = read_pickled(pickle.dumps(value, protocol))
    assert repr(found) == repr(value)


# ----- downloads, from a server on this machine -----


@pytest.fixture
def server(tmp_path):
    """A folder, and the address at which a server shows it."""
    folder = tmp_path / "server"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{serving.server_address[1]}/"
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize("name", SETS)
def test_a_download_only_when_asked_goes_to_the_first_folder(name, server, tmp_path, monkeypatch):
    load, arrays, torchvision = SETS[name]
    folder, address = server
    for key, array in arrays.items():
        (folder / f"{key}.gz").write_bytes(gzip.compress(idx_bytes(array), mtime=0))
    mirrors = (address + "absent/", address)  # the first does not have them
    monkeypatch.setattr(published, name, dataclasses.replace(getattr(published, name), mirrors=mirrors))
    for argument, variable, place in (
        (None, None, tmp_path / "cache" / "tensorgrad"),
        (None, tmp_path / "variable", tmp_path / "variable"),
        (tmp_path / "given", tmp_path / "other", tmp_path / "given"),
    ):
        if variable:
            monkeypatch.setenv("TENSORGRAD_DATA", str(variable))
            monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
        with pytest.raises(MissingFileError, match="was not found"):
            load(argument)
        assert not place.exists()
        assert_holds(load(argument, download=True), arrays)
        assert sorted(path.name for path in (place / torchvision).iterdir()) == sorted(f"{key}.gz" for key in arrays)
        assert_holds(load(argument), arrays)
        for path in (place / torchvision).iterdir():
            path.unlink()


def test_cifar_is_downloaded_as_the_binary_archive(server, tmp_path, monkeypatch):
    folder, address = server
    (folder / published.CIFAR_BINARY).write_bytes(archive("cifar-10-batches-bin"))
    monkeypatch.setattr(published, "CIFAR_MIRRORS", (address,))
    assert_is_cifar(load_cifar10(tmp_path / "given", download=True))
    assert [path.name for path in (tmp_path / "given").iterdir()] == [published.CIFAR_BINARY]


def test_a_download_with_another_checksum_leaves_nothing(server, tmp_path, monkeypatch):
    folder, address = server
    (folder / published.CIFAR_BINARY).write_bytes(archive("cifar-10-batches-bin")[:-5])
    monkeypatch.setattr(published, "CIFAR_MIRRORS", (address,))
    with pytest.raises(
        MissingFileError, match=r"load_cifar10: cifar-10-binary.tar.gz could not be fetched: http://.*md5"
    ):
        load_cifar10(tmp_path / "given", download=True)
    assert not list((tmp_path / "given").iterdir())


def test_without_pooch_a_download_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingFileError, match=r"takes the package pooch: pip install 'tensorgrad-engine\[data\]'"):
        load_mnist(tmp_path, download=True)


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "x", "x/tensorgrad"),
        ("linux", "", "~/.cache/tensorgrad"),
        ("darwin", "x", "~/Library/Caches/tensorgrad"),
    ],
)
def test_the_cache_is_where_the_system_has_it(platform, variable, expected, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    assert published._cache() == Path(expected).expanduser()


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "data", SETS["MNIST"][1])
    assert_holds(load_mnist("~/data"), SETS["MNIST"][1])
    monkeypatch.setenv("TENSORGRAD_DATA", "~/data")
    assert_holds(load_mnist(), SETS["MNIST"][1])
