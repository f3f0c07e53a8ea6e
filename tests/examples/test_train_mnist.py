"""The command `python -m examples.train_mnist`, on idx files of a few digits."""

import contextlib
import csv
import dataclasses
import gzip
import importlib.util
import itertools
import os
import re
import shlex
import signal
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from examples import fashion_mnist, train_mnist
from nn.data import load_mnist5k
from nn.train import load_checkpoint
from tensorgrad import nn

ROOT = Path(__file__).parents[2]
WRITTEN = {
    *("model.safetensors", "metrics.csv", "confusion.csv", "graph.dot", "graph.svg"),
    *("curves.png", "filters.png", "feature_maps.png", "confusion.png", "gradient_flow.png"),
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
    svg = "".join(ElementTree.parse(results / "graph.svg").getroot().itertext())
    assert all(name in svg for name, _ in net.named_parameters())
    assert "loss = " in svg


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
        (["--checkpoint-every", "x"], "argument --checkpoint-every: 'x' is not a whole number of at least 0"),
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
    drawn = {"graph.dot", "graph.svg"}  # our own picture needs neither
    assert set(contents(tmp_path)) == {"curves.png", "model.safetensors", "metrics.csv", "confusion.csv", *drawn}


def test_without_matplotlib_the_program_still_starts(tmp_path):
    code = "import sys; sys.modules['matplotlib'] = None; from examples import train_mnist as t; print(t.no_plots)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("matplotlib is missing")


# 100 digits in batches of 16: 7 steps in each of the two epochs. 0: in the first step, before it changed anything.
STOPS = [0, 1, 3, 6, 7, 8, 12, 14]


def stopping_at(step, monkeypatch):
    """Press Ctrl-C in the given step, counted from 1; 0: before the training starts."""
    count, real_step, real_hold = itertools.count(1), nn.optim.Adam.step, train_mnist.hold_interrupt

    def adam_step(self, closure=None):
        if next(count) == step:
            signal.raise_signal(signal.SIGINT)
        return real_step(self, closure)

    @contextlib.contextmanager
    def hold():
        with real_hold() as interrupt:
            if step == 0:
                signal.raise_signal(signal.SIGINT)
            yield interrupt

    monkeypatch.setattr(nn.optim.Adam, "step", adam_step)
    monkeypatch.setattr(train_mnist, "hold_interrupt", hold)


def resumed(digits, out, monkeypatch, capsys, step, *more):
    """Stop a run in a step and let the command that it prints go on, in this process; what the second part printed."""
    with monkeypatch.context() as patch:
        stopping_at(step, patch)
        assert run(digits, out, *more) == 130
    err = capsys.readouterr().err
    assert set(contents(out)) <= {"checkpoint.safetensors", "checkpoint.previous.safetensors"}
    said = re.fullmatch(r"\nstopped and saved after (\d+) of (\d+) steps\. To go on:\n  (.*)\n", err)
    assert int(said[1]) == step
    assert int(said[2]) == 14
    program, *arguments = shlex.split(said[3])
    assert os.path.samefile(program, sys.executable)
    assert arguments[:2] == ["-m", "examples.train_mnist"]
    assert train_mnist.main(arguments[2:]) == 0
    return capsys.readouterr().out


def assert_same_results(out, results):
    """The bytes of every file are equal; without plots, where drawing them once more would show nothing new."""
    expected = contents(results)
    found = {name: content for name, content in contents(out).items() if "checkpoint" not in name}
    assert {"model.safetensors", "metrics.csv", "confusion.csv", "graph.dot"} <= set(found)
    assert found == {name: expected[name] for name in found}


@pytest.fixture
def no_plots(monkeypatch):
    monkeypatch.setattr(train_mnist, "plots", None)
    monkeypatch.setattr(train_mnist, "no_plots", "not drawn in this test", raising=False)


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("step", STOPS)
def test_a_stopped_run_goes_on_to_the_same_bytes(step, digits, results, tmp_path, monkeypatch, capsys):
    out = resumed(digits, tmp_path, monkeypatch, capsys, step)
    assert f"going on from {tmp_path / 'checkpoint.safetensors'}" in out
    assert_same_results(tmp_path, results)


@pytest.fixture(scope="module")
def augmented(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("augmented")
    assert run(digits, out, "--augment") == 0
    return out


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("step", [0, 3, 7, 9])
def test_so_does_one_with_augmentation(step, digits, augmented, results, tmp_path, monkeypatch, capsys):
    resumed(digits, tmp_path, monkeypatch, capsys, step, "--augment")
    assert_same_results(tmp_path, augmented)
    assert (augmented / "metrics.csv").read_bytes() != (results / "metrics.csv").read_bytes()


@pytest.mark.usefixtures("no_plots")
def test_a_run_stopped_again_and_again_goes_on_to_the_same_bytes(digits, results, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stopping_at(1, patch)
        assert run(digits, tmp_path) == 130
    for _ in range(20):
        with monkeypatch.context() as patch:
            stopping_at(2, patch)
            code = train_mnist.main(["--resume", "--out", str(tmp_path)])
        if code == 0:
            break
        assert code == 130
    assert capsys.readouterr().err.count("stopped and saved after") == 7  # after steps 1, 3, 5, ... 13
    assert_same_results(tmp_path, results)


@pytest.mark.usefixtures("no_plots")
def test_checkpoints_on_the_way_change_nothing_and_serve_to_resume(digits, results, tmp_path):
    assert run(digits, tmp_path / "a", "--checkpoint-every", "3") == 0
    assert_same_results(tmp_path / "a", results)
    latest, older = (tmp_path / "a" / f"checkpoint{suffix}.safetensors" for suffix in ("", ".previous"))
    for file in (latest, older):  # of the steps 12 and 9, both within the second epoch
        so_far = load_checkpoint(file).progress["so_far"]
        assert len(so_far["history"]) == 1
        assert so_far["right"] > 0
    for file in (latest, older):
        out = tmp_path / file.stem
        assert train_mnist.main(["--resume", str(file), "--out", str(out)]) == 0
        assert_same_results(out, results)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (["--lr", "0.1"], "--lr 0.1 contradicts {}, which was trained with --lr 0.004; leave it out to go on"),
        (["--seed", "3"], "--seed 3 contradicts {}, which was trained with --seed 0; leave it out to go on"),
        (["--epochs", "3"], "--epochs 3 contradicts {}, which was trained with --epochs 2; leave it out to go on"),
        (["--batch-size", "8"], "--batch-size 8 contradicts {}, which was trained with --batch-size 16; leave it out"),
        (["--augment"], "--augment contradicts {}, which was trained with --no-augment; leave it out to go on"),
        (["--data", "other"], "--data other: other images than {} was trained on"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_that_contradict_the_checkpoint_are_refused_by_name(
    given, text, digits, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    write_idx(tmp_path / "other", **{"t10k-labels-idx1-ubyte": DIGITS["t10k-labels-idx1-ubyte"][::-1]})
    with monkeypatch.context() as patch:
        stopping_at(2, patch)
        assert run(digits, tmp_path / "out") == 130
    capsys.readouterr()
    before = contents(tmp_path / "out")
    assert train_mnist.main(["--resume", "--out", "out", *given]) == 2
    assert capsys.readouterr().err.startswith(f"train_mnist: {text.format(Path('out') / 'checkpoint.safetensors')}")
    assert contents(tmp_path / "out") == before


@pytest.mark.usefixtures("no_plots")
def test_arguments_that_agree_and_moved_data_are_accepted(digits, results, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stopping_at(9, patch)
        assert run(digits, tmp_path / "out") == 130
    moved = write_idx(tmp_path / "moved", ".gz")
    assert run(moved, tmp_path / "out", "--resume", "--seed", "0", "--checkpoint-every", "4") == 0
    assert_same_results(tmp_path / "out", results)


@pytest.mark.usefixtures("no_plots")
def test_a_damaged_checkpoint_is_refused_nothing_is_overwritten_and_the_one_before_serves(
    digits, results, tmp_path, capsys
):
    assert run(digits, tmp_path, "--checkpoint-every", "5") == 0
    path = tmp_path / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    before = contents(tmp_path)
    capsys.readouterr()
    assert train_mnist.main(["--resume", "--out", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert contents(tmp_path) == before
    assert err.startswith(f"train_mnist: {path}: damaged: its content does not have the sha256")
    previous = re.search(r"the checkpoint before it is whole: (.*)\n", err)[1]
    assert train_mnist.main(["--resume", previous]) == 0  # results go where the checkpoint is
    assert_same_results(tmp_path, results)


def test_a_checkpoint_that_is_absent_or_of_another_program_is_refused(digits, tmp_path, monkeypatch, capsys):
    assert train_mnist.main(["--resume", "--out", str(tmp_path / "nowhere")]) == 2
    missing = tmp_path / "nowhere" / "checkpoint.safetensors"
    assert capsys.readouterr().err == f"train_mnist: load: {missing}: there is no such file\n"
    with monkeypatch.context() as patch:
        stopping_at(1, patch)
        assert run(digits, tmp_path) == 130
    assert fashion_mnist.main(["--resume", str(tmp_path / "checkpoint.safetensors")]) == 2
    assert capsys.readouterr().err.endswith("checkpoint.safetensors: the checkpoint is of train_mnist\n")


def test_ctrl_c_from_outside_saves_and_the_printed_command_goes_on(digits, results, tmp_path):
    """As a user does it, in processes of their own: stop at some moment, then run what was printed."""
    arguments = ["--epochs", "2", "--batch-size", "16", "--data", digits, "--out", tmp_path]
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "examples.train_mnist", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with program:
        while not program.stdout.readline().startswith("epoch"):
            pass
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert program.returncode == 130
    command = re.fullmatch(r"\nstopped and saved after \d+ of 14 steps\. To go on:\n  (.*)\n", err)[1]
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert_same_results(tmp_path, results)


def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(digits, results, tmp_path):
    arguments = ["--epochs", "2", "--batch-size", "16", "--data", digits, "--out", tmp_path, "--checkpoint-every", "1"]
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "examples.train_mnist", *arguments], cwd=ROOT, stdout=subprocess.PIPE
    )
    with program:
        while not program.stdout.readline().startswith(b"epoch"):
            pass
        program.kill()
    assert program.returncode == -signal.SIGKILL
    assert "metrics.csv" not in contents(tmp_path)
    for leftover in tmp_path.glob(".tmp-*"):  # a killed process may leave its temporary file
        leftover.unlink()
    assert train_mnist.main(["--resume", str(tmp_path / "checkpoint.safetensors")]) == 0
    assert_same_results(tmp_path, results)


def test_a_second_ctrl_c_stops_at_once(digits, tmp_path, monkeypatch, capsys):
    def twice(self, closure=None):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(nn.optim.Adam, "step", twice)
    assert run(digits, tmp_path) == 130
    assert capsys.readouterr().err == "\nstopped at once: nothing of this run was saved\n"
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("part", ["network", "summary", "blas"])
def test_a_second_ctrl_c_during_the_set_up_is_told_in_a_line(part, digits, tmp_path, monkeypatch, capsys):
    def twice(*args, **keywords):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    task = train_mnist.MNIST
    if part == "network":
        task = dataclasses.replace(task, network=twice)
    else:
        monkeypatch.setattr(*((train_mnist, "threadpool_limits") if part == "blas" else (nn, "summary")), twice)
    assert train_mnist.main(["--data", str(digits), "--out", str(tmp_path)], task) == 130
    assert capsys.readouterr().err == "\nstopped at once: nothing of this run was saved\n"
    assert contents(tmp_path) == {}


def test_the_checkpoint_gone_on_from_is_known_by_whatever_path(digits, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stopping_at(2, patch)
        assert run(digits, tmp_path / "out") == 130
    (tmp_path / "link").symlink_to(tmp_path / "out")
    (tmp_path / "file.safetensors").symlink_to(tmp_path / "out" / "checkpoint.safetensors")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nn, "summary", lambda *args: signal.raise_signal(signal.SIGINT) or interrupted())
    capsys.readouterr()
    out, elsewhere = str(tmp_path / "out"), str(tmp_path / "elsewhere")
    for file, folder, saved in [
        ("out/checkpoint.safetensors", out, True),
        ("./out/../out/checkpoint.safetensors", out, True),
        ("link/checkpoint.safetensors", out, True),
        (f"{out}/checkpoint.safetensors", "link", True),
        ("file.safetensors", "out", True),
        ("out/checkpoint.safetensors", elsewhere, False),
    ]:
        assert train_mnist.main(["--resume", file, "--out", folder]) == 130
        err = capsys.readouterr().err
        assert err.startswith(
            f"\nstopped at once: {folder} is as it was last saved. To go on:\n"
            if saved
            else "\nstopped at once: nothing of this run was saved\n"
        ), file


def interrupted():
    raise KeyboardInterrupt


def test_a_second_ctrl_c_names_the_checkpoint_that_there_is(digits, tmp_path, monkeypatch, capsys):
    real_step, count = nn.optim.Adam.step, itertools.count(1)

    def twice_in_the_third(self, closure=None):
        if next(count) == 3:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return real_step(self, closure)

    monkeypatch.setattr(nn.optim.Adam, "step", twice_in_the_third)
    assert run(digits, tmp_path, "--checkpoint-every", "2") == 130
    err = capsys.readouterr().err
    assert err.startswith(f"\nstopped at once: {tmp_path} is as it was last saved. To go on:\n")
    assert err.endswith(f" --resume {tmp_path / 'checkpoint.safetensors'}\n")


@pytest.mark.parametrize("more", [[], ["--checkpoint-every", "5"]], ids=["no checkpoint", "a checkpoint"])
def test_ctrl_c_between_the_last_step_and_the_weights_loses_nothing(
    more, digits, results, tmp_path, monkeypatch, capsys
):
    real_train = train_mnist.train

    def then_interrupt(*args):
        history = real_train(*args)
        signal.raise_signal(signal.SIGINT)
        return history

    monkeypatch.setattr(train_mnist, "train", then_interrupt)
    assert run(digits, tmp_path, *more) == 130
    found = contents(tmp_path)
    for name in ("model.safetensors", "metrics.csv"):
        assert found.pop(name) == (results / name).read_bytes()
    assert all("checkpoint" in name for name in found)
    out, err = capsys.readouterr()
    assert "of an earlier run" not in out
    assert err.startswith("\nstopped: only the files named above were written")
    assert (". To go on:\n" in err) == bool(more)


def test_after_ctrl_c_nothing_is_predicted_and_files_of_an_earlier_run_are_told(digits, tmp_path, monkeypatch, capsys):
    real_train = train_mnist.train

    def then_interrupt(*args):
        history = real_train(*args)
        monkeypatch.setattr(train_mnist, "predict", lambda *args: pytest.fail("the test set is predicted"))
        signal.raise_signal(signal.SIGINT)
        return history

    monkeypatch.setattr(train_mnist, "train", then_interrupt)
    stale = ["confusion.csv", "graph.svg", "curves.png", "confusion.png"]
    for name in (*stale, "metrics.csv"):
        (tmp_path / name).write_bytes(b"old")
    assert run(digits, tmp_path) == 130
    out, err = capsys.readouterr()
    lines = [
        f"  {name:<18} left out (the one in the folder is of an earlier run): not written any more" for name in stale
    ]
    assert out.splitlines()[-len(stale) :] == lines
    assert err == "\nstopped: only the files named above were written\n"
    assert {name for name, content in contents(tmp_path).items() if content == b"old"} == set(stale)


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 4, 7, 10, 30, 100])
def test_ctrl_c_from_outside_right_after_the_last_epoch_loses_nothing(milliseconds, digits, tmp_path):
    arguments = ["--epochs", "1", "--batch-size", "50", "--data", digits, "--out", tmp_path]
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "examples.train_mnist", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with program:
        while not program.stdout.readline().startswith("epoch"):
            pass
        time.sleep(milliseconds / 1000)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    written = set(contents(tmp_path))
    if program.returncode == 0:  # after the last file
        assert (written, err) == (WRITTEN, "")
    elif "checkpoint.safetensors" in written:
        assert re.fullmatch(r"\nstopped and saved after 2 of 2 steps\. To go on:\n  .*\n", err)
    else:
        assert {"model.safetensors", "metrics.csv"} <= written
        assert err == "\nstopped: only the files named above were written\n"
    assert program.returncode in (0, 130)


def test_ctrl_c_before_the_training_is_told_in_a_line(digits, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_mnist, "make_folder", lambda _: signal.raise_signal(signal.SIGINT))
    assert run(digits, tmp_path) == 130
    assert capsys.readouterr().err == "\nstopped before the training\n"


def test_what_could_not_be_written_is_told(digits, tmp_path, capsys, monkeypatch):
    def stop(reason):
        raise reason

    (tmp_path / "confusion.csv").write_bytes(b"old")
    for reason, code in ((OSError("the disk is full"), 1), (KeyboardInterrupt(), 130)):
        monkeypatch.setattr(train_mnist, "write_csv", lambda path, rows, reason=reason: stop(reason))
        assert run(digits, tmp_path) == code
        captured = capsys.readouterr()
        assert "  model.safetensors  the weights" in captured.out
        assert "metrics.csv" not in captured.out
        assert "  confusion.csv      left out (the one in the folder is of an earlier run): not wri" in captured.out
        assert "only the files named above were written" in captured.err
    assert set(contents(tmp_path)) == {"model.safetensors", "confusion.csv"}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_no_number_stops_the_run_and_nothing_is_saved(digits, tmp_path, capsys):
    assert run(digits, tmp_path, "--lr", "1e38") == 1
    assert (
        "the loss became nan in epoch 1: try a lower --lr than 1e+38; no results were written"
        in capsys.readouterr().err
    )
    assert contents(tmp_path) == {}


@pytest.mark.slow
def test_the_embedded_digits_reach_97_5_percent(tmp_path):
    accuracies = []
    for seed in range(5):
        assert train_mnist.main(["--seed", str(seed), "--out", str(tmp_path)]) == 0
        with (tmp_path / "metrics.csv").open() as file:
            accuracies.append(float(list(csv.DictReader(file))[-1]["test_accuracy"]))
    assert statistics.median(accuracies) >= 0.975


@pytest.mark.slow
def test_the_embedded_digits_with_augmentation_reach_98_5_percent(tmp_path):
    accuracies = []
    for seed in range(5):
        assert train_mnist.main(["--augment", "--seed", str(seed), "--out", str(tmp_path)]) == 0
        with (tmp_path / "metrics.csv").open() as file:
            accuracies.append(float(list(csv.DictReader(file))[-1]["test_accuracy"]))
    assert statistics.median(accuracies) >= 0.985
