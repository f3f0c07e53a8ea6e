"""Train a small CNN on handwritten digits, and draw what it learnt.

    python -m examples.train_mnist                      4,000 digits that come with the package
    python -m examples.train_mnist --data ~/mnist       MNIST or Fashion-MNIST, the four idx files in a folder

Read `lenet` and `train` first: the network, and the loop that every training is. The rest draws and writes.
"""

import argparse
import copy
import csv
import functools
import io
import math
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import tensorgrad as tg
from nn.data import DataLoader, ImageData, load_idx_dataset, load_mnist5k
from nn.io import atomic_write
from nn.train import accuracy, confusion_matrix, layer_outputs, most_confused, predict
from tensorgrad import nn

try:
    from nn.train import plots
except ImportError as error:
    plots, no_plots = None, f"matplotlib is missing ({error}): pip install matplotlib"

CLASSES = 10
PLOTS = ("curves.png", "filters.png", "feature_maps.png", "confusion.png")
History = list[dict[str, float]]


def lenet(init: np.random.Generator, dropout: np.random.Generator) -> nn.Sequential:
    """A network after LeNet-5 for images (N, 1, 28, 28). The comments are the shapes that come out."""
    return nn.Sequential(
        {
            "conv1": nn.Conv2d(1, 8, 5, padding=2, bias=False, generator=init),  # 8 x 28 x 28
            "bn1": nn.BatchNorm2d(8),
            "relu1": nn.ReLU(),
            "pool1": nn.MaxPool2d(2),  # 8 x 14 x 14
            "conv2": nn.Conv2d(8, 16, 5, bias=False, generator=init),  # 16 x 10 x 10
            "bn2": nn.BatchNorm2d(16),
            "relu2": nn.ReLU(),
            "pool2": nn.MaxPool2d(2),  # 16 x 5 x 5
            "flatten": nn.Flatten(),  # 400
            "dropout": nn.Dropout(0.3, generator=dropout),
            "fc1": nn.Linear(400, 120, generator=init),  # 120
            "relu3": nn.ReLU(),
            "fc2": nn.Linear(120, CLASSES, generator=init),  # a score for each class
        }
    )


def train(
    net: nn.Module, data: ImageData, epochs: int, lr: float, batch_size: int, order: np.random.Generator
) -> History:
    """Train with Adam and a one-cycle learning rate; prints a line for each epoch, and returns its numbers."""
    x_test = as_input(data.x_test)
    loader = DataLoader(as_input(data.x_train), data.y_train, batch_size=batch_size, shuffle=True, generator=order)
    optimizer = nn.optim.Adam(net.parameters(), lr=lr)
    schedule = nn.schedule.OneCycleLR(optimizer, max_lr=lr, epochs=epochs, steps_per_epoch=len(loader))
    loss_function = nn.CrossEntropyLoss()
    history: History = []

    for epoch in range(1, epochs + 1):
        start, total_loss, right = time.perf_counter(), 0.0, 0
        net.train()
        bar = tqdm(loader, f"epoch {epoch}", leave=False, disable=None)
        for images, labels in bar:
            scores = net(images)
            loss = loss_function(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

            total_loss += loss.item() * len(labels)
            right += int((scores.data.argmax(1) == labels.data).sum())
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)

        test_scores = predict(net, x_test)
        row = {
            "epoch": epoch,
            "lr": optimizer.param_groups[0]["lr"],
            "train_loss": total_loss / len(data.y_train),
            "train_accuracy": right / len(data.y_train),
            "test_loss": nn.functional.cross_entropy(tg.from_numpy(test_scores), data.y_test).item(),
            "test_accuracy": accuracy(test_scores, data.y_test),
        }
        history.append(row)
        print(
            f"epoch {epoch:2}/{epochs}   loss {row['train_loss']:.4f}   train {row['train_accuracy']:6.2%}   "
            f"test {row['test_accuracy']:6.2%}   lr {row['lr']:.1e}   {time.perf_counter() - start:.1f} s",
            flush=True,
        )
        if not math.isfinite(row["train_loss"]):
            raise FloatingPointError(
                f"the loss became {row['train_loss']} in epoch {epoch}: try a lower --lr than {lr}"
            )
    return history


def as_input(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, H, W) as float32 (N, 1, H, W) from 0 to 1."""
    return images[:, None].astype(np.float32) / 255


def recorded_graph(net: nn.Module, images: np.ndarray, labels: np.ndarray) -> tg.viz.GraphView:
    """The graph that `net` is trained through, forward and backward, recorded on a few images; `net` stays as it is."""
    net = copy.deepcopy(net).train()
    net.zero_grad()
    x, y = tg.from_numpy(as_input(images)), tg.from_numpy(labels)
    with tg.viz.record() as run:
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
    return run.graph(loss, model=net, inputs={"images": x, "labels": y})


def write_results(net: nn.Module, data: ImageData, history: History, out: Path) -> None:
    """Write everything that `out` holds in the end, the weights first, and name each file when it is there."""

    def write(name: str, what: str, writer: Callable[[Path], None]) -> None:
        try:
            writer(out / name)
            print(f"  {name:<18} {what}", flush=True)
        except tg.viz.DrawingError as error:
            leave_out(name, str(error))

    def leave_out(name: str, why: str) -> None:
        older = " (the one in the folder is of an earlier run)" if (out / name).exists() else ""
        print(f"  {name:<18} left out{older}: {why}", flush=True)

    print(f"written to {out}:")
    write("model.safetensors", "the weights", lambda path: nn.save(net, path))
    table = [list(history[0]), *(row.values() for row in history)]
    write("metrics.csv", "loss, accuracy and learning rate of each epoch", lambda path: write_csv(path, table))
    matrix = confusion_matrix(data.y_test, predict(net, as_input(data.x_test)).argmax(1), CLASSES)
    write("confusion.csv", "how often each class (row) was taken for each", lambda path: write_csv(path, matrix))
    graph = recorded_graph(net, data.x_train[:4], data.y_train[:4])
    write("graph.dot", "the graph it was trained through, as text", graph.save)
    write("graph.svg", "the same as a picture", graph.save)

    if plots:
        image = as_input(data.x_test[:1])
        maps = {name: output[0] for name, output in {"input": image, **layer_outputs(net, image)}.items()}
        title = f"the first test image (class {data.y_test[0]}) after each layer"
        figures = (
            ("metrics.csv as curves", plots.curves(history)),
            ("the filters of the first layer", plots.filters(net[0].weight.data, "conv1.weight")),
            (title, plots.feature_maps(maps, title)),
            ("confusion.csv as a picture", plots.confusion(matrix, "test images")),
        )
        for name, (what, figure) in zip(PLOTS, figures, strict=True):
            write(name, what, functools.partial(plots.save, figure))
    else:
        for name in PLOTS:
            leave_out(name, no_plots)

    print(f"test accuracy: {matrix.trace() / matrix.sum():.2%}, {matrix.trace():,} of {matrix.sum():,} images")
    worst = most_confused(matrix)
    if worst:
        of = matrix[worst.actual].sum()
        print(f"most confused: {worst.actual} was taken for {worst.predicted}, {worst.times} of {of:,} times")
    else:
        print("most confused: none, every test image was recognised")


def write_csv(path: Path, rows: Iterable[Iterable[object]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    atomic_write(path, text.getvalue().encode())


def load_data(folder: Path | None) -> ImageData:
    """The embedded digits, or those of a folder; raises DataError for images that `lenet` does not take."""
    data = load_mnist5k() if folder is None else load_idx_dataset(folder)
    for part, images in (("training", data.x_train), ("test", data.x_test)):
        if not len(images) or images.shape[1:] != (28, 28):
            count, height, width = images.shape
            raise nn.DataError(f"{folder}: {count} {part} images of {height}x{width}; at least one of 28x28 is needed")
    return data


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(f"--out {path}: there is a file of that name, or on the way to it") from None
    if not os.access(path, os.W_OK):
        raise PermissionError(f"--out {path}: no permission to write there")


def number(kind: type, low: float, strict: bool = False) -> Callable[[str], float]:
    """What argparse reads a number with: finite, and at least `low`, or above it if `strict`."""

    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not (low < value if strict else low <= value) or value == math.inf:
            name = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text!r} is not {name} {'above' if strict else 'of at least'} {low}")
        return value

    return read


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "train_mnist", description="Train a small CNN on handwritten digits, and draw what it learnt."
    )
    parser.add_argument("--epochs", type=number(int, 1), default=12, help="passes over the training images (12)")
    parser.add_argument("--lr", type=number(float, 0, strict=True), default=4e-3, help="highest learning rate (4e-3)")
    parser.add_argument("--batch-size", type=number(int, 1), default=64, help="images in each step (64)")
    parser.add_argument("--seed", type=number(int, 0), default=0, help="start of the random numbers (0)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="MNIST or Fashion-MNIST idx files, gzip or not")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("runs/demo"), help="where results go (runs/demo)"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    args = parse(arguments)
    try:
        data = load_data(args.data)
        make_folder(args.out)
    except (tg.TensorgradError, OSError) as error:
        print(f"train_mnist: {error}", file=sys.stderr)
        return 2

    # Three sources of random numbers, so that drawing more from one leaves the others as they were.
    init, dropout, order = np.random.default_rng(args.seed).spawn(3)
    net = lenet(init, dropout)
    print(nn.summary(net, (1, 1, 28, 28)))
    print(f"{len(data.x_train):,} training and {len(data.x_test):,} test images, {args.data or 'embedded'}")

    # One BLAS thread: how many there are changes the last bits of a matrix product, and with them every later number.
    with threadpool_limits(1, "blas"):
        try:
            history = train(net, data, args.epochs, args.lr, args.batch_size, order)
        except KeyboardInterrupt:
            print(f"\nstopped: nothing was saved, {args.out} is as it was", file=sys.stderr)
            return 130
        except FloatingPointError as error:
            print(f"train_mnist: {error}; nothing was saved", file=sys.stderr)
            return 1
        try:
            write_results(net, data, history, args.out)
        except KeyboardInterrupt:
            print("\nstopped: only the files named above were written", file=sys.stderr)
            return 130
        except OSError as error:
            print(f"train_mnist: {error}; only the files named above were written", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
