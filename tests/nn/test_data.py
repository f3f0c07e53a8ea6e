"""The embedded digits and folders of idx files."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from nn.data import ImageData, digits, load_digits8x8, load_idx_dataset, load_mnist5k
from nn.errors import DataError, MissingFileError

from .test_idx import idx_bytes

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@pytest.mark.parametrize(
    ("load", "train", "test", "side", "top"),
    [(load_mnist5k, 4000, 1000, 28, 255), (load_digits8x8, 1437, 360, 8, 16)],
    ids=["mnist5k", "digits8x8"],
)
def test_embedded_digits(load, train, test, side, top):
    data = load()
    assert data.x_train.shape == (train, side, side)
    assert data.x_test.shape == (test, side, side)
    assert data.y_train.shape == (train,)
    assert data.y_test.shape == (test,)
    assert {array.dtype for array in vars(data).values()} == {np.dtype(np.uint8)}
    assert data.x_train.max() == data.x_test.max() == top
    shares = np.bincount(data.y_train, minlength=10) / train
    assert shares.size == 10
    assert np.all(abs(shares - 0.1) < 0.01)
    assert repr(data) == f"ImageData(x_train {(train, side, side)}, x_test {(test, side, side)}, uint8)"


def test_each_load_gives_arrays_of_its_own():
    load_digits8x8().x_train[...] = 0
    assert load_digits8x8().x_train.any()


def test_digits_are_the_right_way_up():
    """The mean zero has a hole in its middle and the mean one a stroke there: neither transposed labels nor images."""
    data = load_mnist5k()
    zero, one = (data.x_train[data.y_train == digit].mean(axis=0) for digit in (0, 1))
    assert zero[14, 14] < 30
    assert one[14, 14] > 150
    # A seven has its bar at the top.
    seven = data.x_train[data.y_train == 7].mean(axis=0)
    assert seven[7:10].sum() > 2 * seven[19:22].sum()


def test_a_damaged_embedded_file_is_refused(monkeypatch, tmp_path):
    shutil.copytree(Path(digits.__file__).parent / "embedded", tmp_path / "embedded")
    with (tmp_path / "embedded" / "mnist5k.npz").open("r+b") as file:
        file.seek(4000)
        file.write(b"\0\0\0\0")
    monkeypatch.setattr(digits, "files", lambda package: tmp_path)
    with pytest.raises(DataError, match=r"mnist5k.npz: damaged: its sha256 is [0-9a-f]{64}, expected bf26bab0"):
        load_mnist5k()
    assert len(load_digits8x8().x_train) == 1437


def test_licences_stand_beside_the_data():
    text = (Path(digits.__file__).parent / "embedded" / "LICENSES.md").read_text()
    for word in ("CC BY-SA 3.0", "CC BY 4.0", *digits.SHA256, *digits.SHA256.values()):
        assert word in text


def parts(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, (n, 6, 5)).astype(np.uint8) for n in (20, 10)]
    labels = [rng.integers(0, 10, n).astype(np.uint8) for n in (20, 10)]
    return dict(zip(NAMES, (images[0], labels[0], images[1], labels[1]), strict=True))


def write(folder: Path, arrays: dict[str, np.ndarray], suffix: str = "", dotted: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        content = idx_bytes(array)
        if dotted:
            name = name.replace("-idx", ".idx")
        (folder / (name + suffix)).write_bytes(gzip.compress(content) if suffix else content)
    return folder


def assert_holds(data: ImageData, arrays: dict[str, np.ndarray]) -> None:
    for found, expected in zip(vars(data).values(), arrays.values(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dotted", [False, True], ids=["dash", "dot"])
@pytest.mark.parametrize("suffix", ["", ".gz"], ids=["plain", "gz"])
@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw", "FashionMNIST/raw"])
def test_idx_folders(tmp_path, below, suffix, dotted):
    write(tmp_path / below, parts(), suffix, dotted)
    assert_holds(load_idx_dataset(str(tmp_path)), parts())


def test_the_folder_itself_goes_before_its_subfolders_and_plain_before_gz(tmp_path):
    write(tmp_path, parts(1))
    write(tmp_path, parts(2), ".gz")
    write(tmp_path / "raw", parts(3))
    assert_holds(load_idx_dataset(tmp_path), parts(1))


def test_two_data_sets_in_one_folder_are_not_guessed_between(tmp_path):
    mnist = write(tmp_path / "MNIST/raw", parts(1))
    fashion = write(tmp_path / "FashionMNIST/raw", parts(2), ".gz")
    with pytest.raises(DataError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value) == (
        f"load_idx_dataset: {tmp_path}: holds more than one data set: name one of {mnist} and {fashion}"
    )
    assert_holds(load_idx_dataset(fashion), parts(2))


def test_an_absent_or_empty_folder_is_told(tmp_path):
    with pytest.raises(MissingFileError, match=r"nowhere: there is no such folder$"):
        load_idx_dataset(tmp_path / "nowhere")
    with pytest.raises(MissingFileError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value) == (
        f"load_idx_dataset: {tmp_path}: train-images, train-labels, t10k-images, t10k-labels missing: looked for "
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte "
        "(or train-images.idx3-ubyte, with or without .gz) there and in raw, MNIST/raw, FashionMNIST/raw"
    )


def test_missing_files_are_named_where_most_of_the_others_are(tmp_path):
    write(tmp_path / "raw", {name: array for name, array in parts().items() if "t10k-labels" not in name})
    with pytest.raises(MissingFileError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value) == (
        f"load_idx_dataset: {tmp_path}: t10k-labels missing: looked for t10k-labels-idx1-ubyte "
        "(or t10k-labels.idx1-ubyte, with or without .gz) there and in raw, MNIST/raw, FashionMNIST/raw"
    )


WRONG = {
    "counts": ("train-labels", np.zeros(19, np.uint8), "train-images-idx3-ubyte holds 20 images, {} 19 labels"),
    "label": ("t10k-labels", np.array([0] * 7 + [10, 0, 0], np.uint8), "{}: label 10 of image 7, expected 0 to 9"),
    "image rank": ("t10k-images", np.zeros((10, 30), np.uint8), "{}: uint8 (10, 30), expected uint8 (N, H, W)"),
    "image dtype": ("train-images", np.zeros((20, 6, 5), "i2"), "{}: int16 (20, 6, 5), expected uint8 (N, H, W)"),
    "label rank": ("train-labels", np.zeros((20, 1), np.uint8), "{}: uint8 (20, 1), expected uint8 (N,)"),
    "label dtype": ("train-labels", np.zeros(20, "i4"), "{}: int32 (20,), expected uint8 (N,)"),
    "sizes": ("t10k-images", np.zeros((10, 7, 5), np.uint8), "training images (20, 6, 5), but test images (10, 7, 5)"),
}


@pytest.mark.parametrize("case", WRONG)
def test_files_that_do_not_fit_each_other_are_refused(tmp_path, case):
    part, array, text = WRONG[case]
    name = next(name for name in NAMES if name.startswith(part))
    write(tmp_path, parts() | {name: array})
    with pytest.raises(DataError) as caught:
        load_idx_dataset(tmp_path)
    assert str(caught.value).startswith(f"load_idx_dataset: {tmp_path}")
    assert str(caught.value).endswith(text.format(name))


def test_a_damaged_file_is_named(tmp_path):
    write(tmp_path, parts())
    (tmp_path / NAMES[2]).write_bytes(b"\0\0\x08\3")
    with pytest.raises(DataError, match=f"{NAMES[2]}: cut short in the dimensions"):
        load_idx_dataset(tmp_path)


def test_empty_parts_are_data_too(tmp_path):
    arrays = parts() | {NAMES[2]: np.zeros((0, 6, 5), np.uint8), NAMES[3]: np.zeros(0, np.uint8)}
    write(tmp_path, arrays)
    assert load_idx_dataset(tmp_path).x_test.shape == (0, 6, 5)
