"""The published data sets MNIST, Fashion-MNIST and CIFAR-10, from the official files where people have them already."""

import gzip
import hashlib
import io
import os
import struct
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ..errors import DataError, MissingFileError
from .digits import PARTS, ImageData, _find_part, _read_part
from .pickled import read_pickled

FolderPath: TypeAlias = str | os.PathLike[str] | None
VARIABLE = "TENSORGRAD_DATA"


@dataclass(frozen=True)
class IdxSet:
    """Four idx files: in the order of PARTS, the sha256 of their content unpacked, and the md5 of the published .gz."""

    function: str
    title: str
    subfolders: tuple[str, ...]
    system_folders: tuple[str, ...]
    package: str
    mirrors: tuple[str, ...]
    sha256: tuple[str, ...]
    gz_md5: tuple[str, ...]


MNIST = IdxSet(
    "load_mnist",
    "MNIST",
    ("", "raw", "MNIST/raw"),
    (),
    "",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
)
FASHION_MNIST = IdxSet(
    "load_fashion_mnist",
    "Fashion-MNIST",
    ("", "raw", "FashionMNIST/raw"),
    ("/usr/share/datasets/fashion-mnist",),
    "dataset-fashion-mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
    (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
)

CIFAR_MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
# The archives, the folder that each unpacks to, and the published md5 sums.
CIFAR_BINARY, CIFAR_PYTHON = "cifar-10-binary.tar.gz", "cifar-10-python.tar.gz"
CIFAR_FOLDERS = {CIFAR_BINARY: "cifar-10-batches-bin", CIFAR_PYTHON: "cifar-10-batches-py"}
CIFAR_MD5 = {CIFAR_BINARY: "c32a1d4ab5d03f1284b67883e8d87530", CIFAR_PYTHON: "c58f30108f718f92721af3b95e74349a"}
CIFAR_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CIFAR_PYTHON_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
CIFAR_COUNT = 10_000  # images in each batch
CIFAR_MOST_BYTES = 40_000_000  # no batch of either form is longer
PIXELS = 3 * 32 * 32


def load_mnist(folder: FolderPath = None, *, download: bool = False) -> ImageData:
    """MNIST: 60,000 + 10,000 handwritten digits of 28x28, by Y. LeCun, C. Cortes and C. Burges.

    Looks for the four idx files, compressed or not, in `folder`, in the folder that the environment variable
    TENSORGRAD_DATA names and in the user's cache; in each also in raw and MNIST/raw, torchvision's layout. What the
    files hold is verified by its sha256, so they are MNIST and no other set under the same names. With `download`,
    files that are nowhere are fetched into the first of the three that is given, which needs the extra `data`. Raises
    DataError for damaged files, and MissingFileError, which tells where it looked and where the files can be had.
    """
    return _load_idx(MNIST, folder, download)


def load_fashion_mnist(folder: FolderPath = None, *, download: bool = False) -> ImageData:
    """Fashion-MNIST: 60,000 + 10,000 pictures of clothes, 28x28 in ten classes, by Zalando (MIT licence).

    As `load_mnist`; looks in FashionMNIST/raw, and in /usr/share/datasets/fashion-mnist, where Debian's package
    dataset-fashion-mnist puts the files.
    """
    return _load_idx(FASHION_MNIST, folder, download)


def load_cifar10(folder: FolderPath = None, *, download: bool = False) -> ImageData:
    """CIFAR-10: 50,000 + 10,000 colour images (N, 3, 32, 32) in ten classes, by A. Krizhevsky.

    Looks where `load_mnist` looks, for what the official archives unpack to (cifar-10-batches-bin, cifar-10-batches-py,
    the first also as the folder itself) and for the archives, which need not be unpacked. Archives and the pickled
    python batches are opened only if their md5 is the published one, and no pickle is ever executed; for the unpacked
    binary files no sums are published: those are checked by size and by how often each label occurs. `download` and
    errors as in `load_mnist`.
    """
    bases = _bases(folder, ())
    for base in bases:
        for read in _cifar_places(base):
            return _cifar(read)
    if download:
        target = _download(bases[0], CIFAR_MIRRORS, {CIFAR_BINARY: CIFAR_MD5[CIFAR_BINARY]}, "load_cifar10")
        return _cifar(_archive_reader(target / CIFAR_BINARY))
    names = ", ".join([*CIFAR_FOLDERS.values(), *CIFAR_FOLDERS])
    raise MissingFileError(_absent("load_cifar10", "CIFAR-10", names, bases, [], CIFAR_MIRRORS, ""))


def _load_idx(published: IdxSet, folder: FolderPath, download: bool) -> ImageData:
    bases = _bases(folder, published.system_folders)
    passed_over: list[str] = []
    for base in bases:
        for subfolder in published.subfolders:
            found = [_find_part(base / subfolder, part) for part in PARTS]
            if None in found:
                missing = [part for part, path in zip(PARTS, found, strict=True) if path is None]
                if len(missing) < len(PARTS):
                    passed_over.append(f"{base / subfolder} lacks {', '.join(missing)}")
                continue
            data = _verified(published, [path for path in found if path is not None])
            if isinstance(data, ImageData):
                return data
            passed_over.append(f"{base / subfolder} holds {data}")
    if download:
        sums = {f"{part}-{_kind(part)}.gz": md5 for part, md5 in zip(PARTS, published.gz_md5, strict=True)}
        target = _download(bases[0] / published.subfolders[-1], published.mirrors, sums, published.function)
        data = _verified(published, [target / name for name in sums])
        if isinstance(data, ImageData):
            return data
        raise DataError(f"{published.function}: {target} holds {data}")
    names = f"{', '.join(f'{part}-{_kind(part)}' for part in PARTS)} (with or without .gz)"
    raise MissingFileError(
        _absent(published.function, published.title, names, bases, passed_over, published.mirrors, published.package)
    )


def _verified(published: IdxSet, paths: list[Path]) -> ImageData | str:
    """The data if they are what was published; the other set's title if they are that one's. Raises DataError."""
    x_train, y_train = _read_part(paths[0], paths[1])
    x_test, y_test = _read_part(paths[2], paths[3])
    sums = tuple(_idx_sha256(array) for array in (x_train, y_train, x_test, y_test))
    if sums == published.sha256:
        return ImageData(x_train, y_train, x_test, y_test)
    for other in (MNIST, FASHION_MNIST):
        if sums == other.sha256:
            return other.title
    path, found, expected = next(
        entry for entry in zip(paths, sums, published.sha256, strict=True) if entry[1] != entry[2]
    )
    raise DataError(
        f"{published.function}: {path}: is not {published.title}'s file, or damaged: the sha256 of its content, "
        f"unpacked, is {found}, expected {expected}"
    )


def _idx_sha256(array: np.ndarray) -> str:
    """The sha256 of the idx file, unpacked, that holds a uint8 array; `read_idx` takes no file with more in it."""
    digest = hashlib.sha256(bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape))
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _kind(part: str) -> str:
    return "idx3-ubyte" if part.endswith("images") else "idx1-ubyte"


def _bases(folder: FolderPath, system_folders: tuple[str, ...]) -> list[Path]:
    """Where to look, in this order; the first is where a download goes."""
    given = [Path(folder).expanduser()] if folder is not None else []
    named = [Path(os.environ[VARIABLE]).expanduser()] if os.environ.get(VARIABLE) else []
    own = [*given, *named]
    return [*own, *map(Path, system_folders), _cache()] if own else [_cache(), *map(Path, system_folders)]


def _cache() -> Path:
    """The user's cache folder of this package, by the system's custom."""
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tensorgrad"


def _absent(
    function: str,
    title: str,
    names: str,
    bases: list[Path],
    passed_over: list[str],
    mirrors: tuple[str, ...],
    package: str,
) -> str:
    lines = [
        f"{function}: {title} was not found. Looked for {names} in {', '.join(map(str, bases))}",
        *passed_over,
        f"Name the folder, or set {VARIABLE}, or fetch the files with {function}(download=True) "
        f"(pip install 'tensorgrad-engine[data]') from {' or '.join(mirrors)}",
    ]
    if package:
        lines.append(f"On Debian and Ubuntu: apt-get install {package}")
    return ". ".join(lines)


def _download(folder: Path, mirrors: tuple[str, ...], md5: Mapping[str, str], function: str) -> Path:
    """Fetch files into `folder`; each appears there only when it is complete and its md5 is the published one."""
    try:
        import pooch
    except ImportError:
        raise MissingFileError(
            f"{function}: a download takes the package pooch: pip install 'tensorgrad-engine[data]'"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    for name, known in md5.items():
        failures = []
        for mirror in mirrors:
            try:
                pooch.retrieve(mirror + name, f"md5:{known}", fname=name, path=folder)
                break
            except (OSError, ValueError) as error:  # no connection, or another md5
                failures.append(f"{mirror}{name}: {error}")
        else:
            raise MissingFileError(f"{function}: {name} could not be fetched: {'; '.join(failures)}")
    return folder


# CIFAR-10: each place where it may be gives a function that reads one batch, images and labels, by its name.
Batch: TypeAlias = tuple[np.ndarray, np.ndarray]
BatchReader: TypeAlias = Callable[[str], Batch]
Parser: TypeAlias = Callable[[Path, bytes], Batch]


def _cifar_places(base: Path) -> Iterator[BatchReader]:
    binary, python = CIFAR_FOLDERS[CIFAR_BINARY], CIFAR_FOLDERS[CIFAR_PYTHON]
    for folder in (base / binary, base):
        if (folder / "data_batch_1.bin").is_file():
            yield _folder_reader(folder, ".bin", _parse_binary)
    for folder in (base / python, base):
        if (folder / "data_batch_1").is_file():
            yield _folder_reader(folder, "", _parse_python)
    for archive in (CIFAR_BINARY, CIFAR_PYTHON):
        if (base / archive).is_file():
            yield _archive_reader(base / archive)


def _cifar(read: BatchReader) -> ImageData:
    batches = [read(name) for name in CIFAR_BATCHES]
    images = np.concatenate([images for images, _ in batches[:-1]])
    labels = np.concatenate([labels for _, labels in batches[:-1]])
    x_test, y_test = batches[-1]
    for part, values, each in (("training", labels, 5 * CIFAR_COUNT // 10), ("test", y_test, CIFAR_COUNT // 10)):
        counts = np.bincount(values, minlength=10)
        if (counts != each).any():
            raise DataError(
                f"load_cifar10: damaged: the {part} labels occur {counts.tolist()} times, expected {each} each"
            )
    return ImageData(images, labels, x_test, y_test)


def _folder_reader(folder: Path, suffix: str, parse: Parser) -> BatchReader:
    def read(name: str) -> Batch:
        path = folder / (name + suffix)
        return parse(path, _content(path))

    return read


def _archive_reader(path: Path) -> BatchReader:
    """Reads batches out of an archive that was verified first."""
    with _file(path) as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != CIFAR_MD5[path.name]:
        raise DataError(f"load_cifar10: {path}: damaged: its md5 is {found}, published is {CIFAR_MD5[path.name]}")
    contents = _members(path)
    suffix = ".bin" if path.name == CIFAR_BINARY else ""
    parse: Parser = _parse_binary if suffix else _parse_python

    def read(name: str) -> Batch:
        member = f"{CIFAR_FOLDERS[path.name]}/{name}{suffix}"
        if member not in contents:
            raise DataError(f"load_cifar10: {path}: there is no {member} in it")
        return parse(path / member, contents[member])

    return read


def _members(path: Path) -> dict[str, bytes]:
    """The batches in an archive, by their names in it; nothing is unpacked to the disk."""
    suffix = ".bin" if path.name == CIFAR_BINARY else ""
    wanted = {f"{CIFAR_FOLDERS[path.name]}/{name}{suffix}" for name in CIFAR_BATCHES}
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r|gz") as archive:
            for member in archive:
                if member.name in wanted and member.isreg():
                    if member.size > CIFAR_MOST_BYTES:
                        raise DataError(f"load_cifar10: {path}: {member.name} has {member.size} bytes, too many")
                    file = archive.extractfile(member)
                    contents[member.name] = file.read() if file else b""
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, OverflowError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"load_cifar10: {path}: damaged archive: {error}") from None
    return contents


def _file(path: Path) -> io.BufferedReader:
    try:
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise MissingFileError(f"load_cifar10: {path}: there is no such file") from None


def _content(path: Path) -> bytes:
    with _file(path) as file:
        content = file.read(CIFAR_MOST_BYTES + 1)
    if len(content) > CIFAR_MOST_BYTES:
        raise DataError(f"load_cifar10: {path}: too long: more than {CIFAR_MOST_BYTES} bytes")
    return content


def _parse_binary(path: Path, content: bytes) -> Batch:
    """A batch of the binary version: for each image a label, then the red, green and blue pixels in reading order."""
    expected = CIFAR_COUNT * (1 + PIXELS)
    if len(content) != expected:
        fault = "cut short" if len(content) < expected else "too long"
        raise DataError(f"load_cifar10: {path}: {fault}: {len(content)} bytes, expected {expected}")
    rows = np.frombuffer(content, np.uint8).reshape(CIFAR_COUNT, 1 + PIXELS)
    return _checked(path, rows[:, 1:], rows[:, 0])


def _parse_python(path: Path, content: bytes) -> Batch:
    """A batch of the python version: a pickle, read only if it is byte for byte the published one."""
    found, known = hashlib.md5(content, usedforsecurity=False).hexdigest(), CIFAR_PYTHON_MD5[path.name]
    if found != known:
        raise DataError(f"load_cifar10: {path}: damaged: its md5 is {found}, published is {known}")
    try:
        batch = read_pickled(content)
    except ValueError as error:
        raise DataError(f"load_cifar10: {path}: refused: {error}") from None
    data, labels = batch.get("data"), batch.get("labels")
    if not isinstance(data, np.ndarray) or data.shape != (CIFAR_COUNT, PIXELS):
        raise DataError(f"load_cifar10: {path}: no data of shape {(CIFAR_COUNT, PIXELS)}")
    if not isinstance(labels, list) or len(labels) != CIFAR_COUNT or not all(_is_label(label) for label in labels):
        raise DataError(f"load_cifar10: {path}: no list of {CIFAR_COUNT} labels from 0 to 9")
    return _checked(path, data, np.array(labels, np.uint8))


def _is_label(value: Any) -> bool:
    return type(value) is int and 0 <= value <= 9


def _checked(path: Path, pixels: np.ndarray, labels: np.ndarray) -> Batch:
    if labels.max() > 9:
        raise DataError(f"load_cifar10: {path}: label {labels.max()} of image {labels.argmax()}, expected 0 to 9")
    return pixels.reshape(-1, 3, 32, 32).copy(), labels.copy()
