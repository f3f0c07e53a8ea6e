"""Image data sets: two of handwritten digits that come with the package, and folders of idx files."""

import hashlib
import io
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from ..errors import DataError, MissingFileError
from .idx import read_idx

SHA256 = {
    "mnist5k.npz": "bf26bab0c936e1a84f58cb942195316aa306498b0fd84881d354c1a4ab1f8a2c",
    "digits8x8.npz": "18aaa249bfb70fbd6f8b87ebe1737f96fbbfadbc2e5153450c2d412071df4476",
}
PARTS = ("train-images", "train-labels", "t10k-images", "t10k-labels")
# A folder may be torchvision's root, which keeps the files one or two levels down.
SUBFOLDERS = ("", "raw", "MNIST/raw", "FashionMNIST/raw")


@dataclass(frozen=True, eq=False, repr=False)
class ImageData:
    """Images and labels (N,) to train and to test on, all uint8; labels are 0 to 9.

    Grey images are (N, H, W), colour images (N, 3, H, W).
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def __repr__(self) -> str:
        return f"ImageData(x_train {self.x_train.shape}, x_test {self.x_test.shape}, {self.x_train.dtype})"


def load_mnist5k() -> ImageData:
    """4,000 + 1,000 handwritten digits of 28x28, values 0 to 255: 500 of each digit, drawn from MNIST.

    They come with the package (CC BY-SA 3.0, see embedded/LICENSES.md). Which of them belong to MNIST's test set is not
    known: never mix them with it. Raises DataError if the file is damaged.
    """
    return _load_embedded("mnist5k.npz")


def load_digits8x8() -> ImageData:
    """1,437 + 360 handwritten digits of 8x8, values 0 to 16, from UCI's Optical Recognition of Handwritten Digits.

    They come with the package (CC BY 4.0, see embedded/LICENSES.md). Raises DataError if the file is damaged.
    """
    return _load_embedded("digits8x8.npz")


def load_idx_dataset(folder: str | os.PathLike[str]) -> ImageData:
    """MNIST, Fashion-MNIST or another data set of ten classes in the same four idx files, gzip-compressed or not.

    Looks in `folder` for train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
    t10k-labels-idx1-ubyte (also spelled train-images.idx3-ubyte; an uncompressed file goes before its .gz), then in its
    subfolders raw, MNIST/raw and FashionMNIST/raw, where torchvision keeps them. Raises MissingFileError with what was
    looked for, and DataError if a file is damaged, if both MNIST and Fashion-MNIST are in the folder, if images and
    labels differ in number, or if a label is above 9.
    """
    train_images, train_labels, test_images, test_labels = _find(Path(folder))
    x_train, y_train = _read_part(train_images, train_labels)
    x_test, y_test = _read_part(test_images, test_labels)
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DataError(f"load_idx_dataset: {folder}: training images {x_train.shape}, but test images {x_test.shape}")
    return ImageData(x_train, y_train, x_test, y_test)


def _load_embedded(name: str) -> ImageData:
    content = files(__package__).joinpath("embedded", name).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256[name]:
        raise DataError(f"{name}: damaged: its sha256 is {found}, expected {SHA256[name]}; install tensorgrad again")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return ImageData(**{key: arrays[key] for key in ("x_train", "y_train", "x_test", "y_test")})


def _read_part(image_path: Path, label_path: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = read_idx(image_path), read_idx(label_path)
    if images.ndim != 3 or images.dtype != np.uint8:
        raise DataError(f"load_idx_dataset: {image_path}: {images.dtype} {images.shape}, expected uint8 (N, H, W)")
    if labels.ndim != 1 or labels.dtype != np.uint8:
        raise DataError(f"load_idx_dataset: {label_path}: {labels.dtype} {labels.shape}, expected uint8 (N,)")
    if len(images) != len(labels):
        raise DataError(
            f"load_idx_dataset: {image_path} holds {len(images)} images, {label_path.name} {len(labels)} labels"
        )
    if labels.max(initial=0) > 9:
        raise DataError(
            f"load_idx_dataset: {label_path}: label {labels.max()} of image {labels.argmax()}, expected 0 to 9"
        )
    return images, labels


def _spellings(part: str) -> list[str]:
    kind = "idx3-ubyte" if part.endswith("images") else "idx1-ubyte"
    return [f"{part}-{kind}", f"{part}.{kind}", f"{part}-{kind}.gz", f"{part}.{kind}.gz"]


def _find_part(folder: Path, part: str) -> Path | None:
    return next((folder / name for name in _spellings(part) if (folder / name).is_file()), None)


def _find(folder: Path) -> list[Path]:
    """The four files, in the order of PARTS, all from one folder."""
    if not folder.is_dir():
        raise MissingFileError(f"load_idx_dataset: {folder}: there is no such folder")
    complete: list[list[Path]] = []
    fewest_missing = list(PARTS)
    for subfolder in SUBFOLDERS:
        found = [_find_part(folder / subfolder, part) for part in PARTS]
        paths = [path for path in found if path is not None]
        missing = [part for part, path in zip(PARTS, found, strict=True) if path is None]
        if not missing:
            complete.append(paths)
        elif len(missing) < len(fewest_missing):
            fewest_missing = missing
    if len(complete) == 1 or (complete and complete[0][0].parent == folder):
        return complete[0]
    if complete:
        folders = " and ".join(str(paths[0].parent) for paths in complete)
        raise DataError(f"load_idx_dataset: {folder}: holds more than one data set: name one of {folders}")
    raise MissingFileError(
        f"load_idx_dataset: {folder}: {', '.join(fewest_missing)} missing: looked for "
        f"{', '.join(_spellings(part)[0] for part in fewest_missing)} (or {_spellings(fewest_missing[0])[1]}, with or "
        f"without .gz) there and in {', '.join(SUBFOLDERS[1:])}"
    )
