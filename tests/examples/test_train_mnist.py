"""The command `python -m examples.train_mnist`, on idx files of a few digits."""

import csv
import gzip
import importlib.util
import re
import signal
import statistics
import struct
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from examples import train_mnist
from nn.data import load_mnist5k
from tensorgrad import nn

ROOT = Path(__file__).parents[2]
WRITTEN = {
    *("model.safetensors", "metrics.csv", "confusion.csv", "graph.dot", "graph.svg"),
    *("curves.png", "filters.png", "feature_maps.png", "confusion.png"),
}
MNIST = load_mnist5k()
DIGITS = {
    "train-images-idx3-ubyte": MNIST.x_train[::40],
    "train-labels-idx1-ubyte": MNIST.y_train[::40],
    "t10k-images-idx3-ubyte": MNIST.x_test[::25],
    "t10k-labels-idx1-ubyte": MNIST.y_test[::25],
}


def idx(array):
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, suffix="", **changed):
    folder.mkdir()
    for name, array in (DIGITS | changed).items():
        content = idx(array)
        (folder / (name + suffix)).write_bytes(gzip.compress(content) if suffix else content)
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return write_idx(tmp_path_factory.mktemp("data") / "digits")


def run(data, out, *more):
    return train_mnist.main(["--epochs", "2", "--batch-size", "16", "--data", str(data), "--out", str(out), *more])


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def results(digits, tmp_path_factory):
    """What seed 0 wrote; no test changes it."""
    out = tmp_path_factory.mktemp("results") / "deep" / "down"
    assert run(digits, out) == 0
    return out


def test_everything_is_written_named_and_readable(digits, tmp_path, capsys):
    assert run(digits, tmp_path) == 0
    captured = capsys.readouterr()
    assert set(contents(tmp_path)) == WRITTEN
    for name in WRITTEN:
        assert re.search(rf"^  {re.escape(name)} ", captured.out, re.MULTILINE)
        if name.endswith(".png"):
            assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    assert f"written to {tmp_path}:" in captured.out
    assert "100 training and 40 test images" in captured.out
    assert len(re.findall(r"^epoch .* loss .* train .* test .* lr .* s$", captured.out, re.MULTILINE)) == 2
    assert re.search(r"^test accuracy: [\d.]+%, \d+ of 40 images$", captured.out, re.MULTILINE)
    assert re.search(r"^most confused: \d was taken for \d, \d+ of 4 times$", captured.out, re.MULTILINE)
    assert "\r" not in captured.out + captured.err  # no bar where there is no terminal


def test_the_weights_load_into_the_same_network_and_answer_as_recorded(results):
    net = train_mnist.lenet(np.random.default_rng(7), np.random.default_rng(7))
    nn.load(net, results / "model.safetensors")
    with (results / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    net.eval()
    right = (
        net(train_mnist.as_input(DIGITS["t10k-images-idx3-ubyte"])).data.argmax(1) == DIGITS["t10k-labels-idx1-ubyte"]
    )
    assert right.mean() == float(rows[-1]["test_accuracy"])
    matrix = np.loadtxt(results / "confusion.csv", int, delimiter=",")
    assert matrix.shape == (10, 10)
    assert matrix.trace() == right.sum()


def test_the_graph_shows_every_parameter_with_its_gradient(results):
    text = (results / "graph.dot").read_text()
    net = train_mnist.lenet(np.random.default_rng(0), np.random.default_rng(0))
    for name, _ in net.named_parameters():
        assert re.search(rf"{re.escape(name)}\\nparameter .*\\n\.grad rms [\d.e-]+", text), name
    assert ElementTree.parse(results / "graph.svg").getroot().tag.endswith("svg")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(digits, results, tmp_path):
    assert run(digits, tmp_path / "again") == 0
    assert contents(tmp_path / "again") == contents(results)
    assert run(digits, tmp_path / "other", "--seed", "1") == 0
    for name in ("metrics.csv", "model.safetensors"):
        assert (tmp_path / "other" / name).read_bytes() != (results / name).read_bytes()


def test_compressed_files_give_the_same_bytes(results, tmp_path):
    assert run(write_idx(tmp_path / "gz", ".gz"), tmp_path / "out") == 0
    assert contents(tmp_path / "out") == contents(results)


def test_as_a_program_with_another_number_of_blas_threads(digits, results, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    arguments = ["--epochs", "2", "--batch-size", "16", "--data", digits, "--out", tmp_path]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "examples.train_mnist", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    assert contents(tmp_path) == contents(results)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--epochs", "0"], "argument --epochs: '0' is not a whole number of at least 1"),
        (["--epochs", "1.5"], "argument --epochs: '1.5' is not a whole number of at least 1"),
        (["--lr", "0"], "argument --lr: '0' is not a number above 0"),
        (["--lr", "nan"], "argument --lr: 'nan' is not a number above 0"),
        (["--lr", "inf"], "argument --lr: 'inf' is not a number above 0"),
        (["--lr", "much"], "argument --lr: 'much' is not a number above 0"),
        (["--batch-size", "-4"], "argument --batch-size: '-4' is not a whole number of at least 1"),
        (["--seed", "-1"], "argument --seed: '-1' is not a whole number of at least 0"),
        (["--sede", "1"], "unrecognized arguments: --sede 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_arguments_are_refused(arguments, message, digits, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        run(digits, tmp_path / "out", *arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def cut_short(folder):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])


def label_too_large(folder):
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0a")


def damaged_gzip(folder):
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(path.read_bytes())[:-6])


def missing(folder):
    (folder / "t10k-images-idx3-ubyte").unlink()


def other_size(folder):
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        (folder / name).write_bytes(idx(DIGITS[name][:, 4:-4]))


def no_images(folder):
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (folder / name).write_bytes(idx(DIGITS[name][:0]))


@pytest.mark.parametrize(
    "damage, message",
    [
        (cut_short, "train-images-idx3-ubyte: cut short: the header announces uint8 (100, 28, 28)"),
        (label_too_large, "t10k-labels-idx1-ubyte: label 10 of image 39, expected 0 to 9"),
        (damaged_gzip, "train-labels-idx1-ubyte: cut short"),
        (missing, "t10k-images missing: looked for t10k-images-idx3-ubyte"),
        (other_size, "100 training images of 20x28; at least one of 28x28 is needed"),
        (no_images, "0 training images of 28x28; at least one of 28x28 is needed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_corrupt_data_are_refused_and_nothing_is_overwritten(damage, message, tmp_path, capsys):
    data, out = write_idx(tmp_path / "data"), tmp_path / "out"
    damage(data)
    assert run(data, out) == 2
    assert not out.exists()
    out.mkdir()
    before = dict.fromkeys(WRITTEN, b"of an earlier run")
    for name, content in before.items():
        (out / name).write_bytes(content)
    assert run(data, out) == 2
    assert contents(out) == before
    captured = capsys.readouterr()
    assert captured.err.count(message) == 2
    assert captured.err.startswith("train_mnist: ")
    assert captured.out == ""


def test_a_missing_data_folder_and_an_out_that_is_a_file_are_refused(digits, tmp_path, capsys):
    assert run(tmp_path / "nowhere", tmp_path / "out") == 2
    assert f"{tmp_path / 'nowhere'}: there is no such folder" in capsys.readouterr().err
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "below"):
        assert run(digits, out) == 2
        assert f"--out {out}: there is a file of that name, or on the way to it" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_without_matplotlib_and_graphviz_it_says_what_is_left_out_and_goes_on(digits, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train_mnist, "plots", None)
    monkeypatch.setattr(train_mnist, "no_plots", "matplotlib is missing", raising=False)
    monkeypatch.setenv("PATH", "")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pygraphviz" else find_spec(name))
    (tmp_path / "curves.png").write_bytes(b"old")
    assert run(digits, tmp_path) == 0
    out = capsys.readouterr().out
    assert "  curves.png         left out (the one in the folder is of an earlier run): matplotlib is missing" in out
    assert "  filters.png        left out: matplotlib is missing" in out
    assert re.search(r"  graph\.svg +left out: .* needs Graphviz: no program `dot`.* and no package pygraphviz", out)
    assert set(contents(tmp_path)) == {"curves.png", "model.safetensors", "metrics.csv", "confusion.csv", "graph.dot"}


def test_without_matplotlib_the_program_still_starts(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from examples import train_mnist as t; print(t.no_plots)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("matplotlib is missing")


def test_ctrl_c_while_training_says_that_nothing_is_saved(digits, tmp_path):
    arguments = ["--epochs", "10000", "--data", digits, "--out", tmp_path]
    program = subprocess.Popen(
        [sys.executable, "-m", "examples.train_mnist", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with program:
        while not program.stdout.readline().startswith("epoch"):
            pass
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert program.returncode == 130
    assert err == f"\nstopped: nothing was saved, {tmp_path} is as it was\n"
    assert contents(tmp_path) == {}


def test_what_could_not_be_written_is_told(digits, tmp_path, capsys, monkeypatch):
    def stop(reason):
        raise reason

    for reason, code in ((OSError("the disk is full"), 1), (KeyboardInterrupt(), 130)):
        monkeypatch.setattr(train_mnist, "write_csv", lambda path, rows, reason=reason: stop(reason))
        assert run(digits, tmp_path) == code
        captured = capsys.readouterr()
        assert "  model.safetensors  the weights" in captured.out
        assert "metrics.csv" not in captured.out
        assert "only the files named above were written" in captured.err
    assert set(contents(tmp_path)) == {"model.safetensors"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_stops_the_run_and_nothing_is_saved(digits, tmp_path, capsys):
    assert run(digits, tmp_path, "--lr", "1e38") == 1
    assert "the loss became nan in epoch 1: try a lower --lr than 1e+38; nothing was saved" in capsys.readouterr().err
    assert contents(tmp_path) == {}


@pytest.mark.slow
def test_the_embedded_digits_reach_97_5_percent(tmp_path):
    accuracies = []
    for seed in range(5):
        assert train_mnist.main(["--seed", str(seed), "--out", str(tmp_path)]) == 0
        with (tmp_path / "metrics.csv").open() as file:
            accuracies.append(float(list(csv.DictReader(file))[-1]["test_accuracy"]))
    assert statistics.median(accuracies) >= 0.975
