"""The command `python -m examples.fashion_mnist`: on a few digits in place of clothes, and (slow) on Fashion-MNIST."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from examples import fashion_mnist, train_mnist
from nn.data import ImageData, load_mnist5k, published

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def test_the_network_has_a_score_for_each_class():
    net = fashion_mnist.network(*np.random.default_rng(0).spawn(2))
    assert net(np.zeros((2, 1, 28, 28), np.float32)).shape == (2, 10)
    assert sum(parameter.data.size for parameter in net.parameters()) == 29_178


def test_it_trains_and_writes_as_the_other_example_does(tmp_path, monkeypatch, capsys):
    digits = load_mnist5k()
    few = ImageData(digits.x_train[::40], digits.y_train[::40], digits.x_test[::25], digits.y_test[::25])
    monkeypatch.setattr(fashion_mnist, "FASHION", dataclasses.replace(fashion_mnist.FASHION, load=lambda folder: few))
    monkeypatch.setattr(train_mnist, "plots", None)
    monkeypatch.setattr(train_mnist, "no_plots", "not drawn in this test", raising=False)
    assert fashion_mnist.main(["--epochs", "2", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "100 training and 40 test images, Fashion-MNIST\n" in out
    assert "test accuracy: " in out
    assert {"model.safetensors", "metrics.csv", "confusion.csv", "graph.dot"} <= {p.name for p in tmp_path.iterdir()}


def test_without_the_files_it_says_where_it_looked_and_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        published, "FASHION_MNIST", dataclasses.replace(published.FASHION_MNIST, system_folders=(str(tmp_path / "no"),))
    )
    assert fashion_mnist.main(["--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.startswith(
        "fashion_mnist: load_fashion_mnist: Fashion-MNIST was not found. Looked for train-images-idx3"
    )
    assert err.endswith("On Debian and Ubuntu: apt-get install dataset-fashion-mnist\n")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN.is_dir(), reason=f"{DEBIAN} is not there: apt-get install dataset-fashion-mnist")
def test_fashion_mnist_reaches_91_percent(tmp_path):
    assert fashion_mnist.main(["--data", str(DEBIAN), "--out", str(tmp_path)]) == 0
    with (tmp_path / "metrics.csv").open() as file:
        assert float(list(csv.DictReader(file))[-1]["test_accuracy"]) >= 0.91
