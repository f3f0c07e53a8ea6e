"""Train a small CNN on handwritten digits, and draw what it learnt.

    python -m examples.train_mnist                      4,000 digits that come with the package
    python -m examples.train_mnist --augment            the same digits, moved a little anew in each epoch
    python -m examples.train_mnist --data ~/mnist       MNIST or Fashion-MNIST, the four idx files in a folder
    python -m examples.train_mnist --resume             goes on where Ctrl-C or a crash stopped it

Read `lenet` and `train` first: the network, and the loop that every training is. The rest draws and writes.
"""

import argparse
import csv
import functools
import hashlib
import io
import math
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits
from tqdm import tqdm

import tensorgrad as tg
from nn.data import DataLoader, ImageData, RandomShift, load_idx_dataset, load_mnist5k
from nn.data.transforms import Transform
from nn.io import atomic_write
from nn.train import (
    Checkpoint,
    accuracy,
    confusion_matrix,
    hold_interrupt,
    layer_outputs,
    load_checkpoint,
    most_confused,
    predict,
    save_checkpoint,
)
from nn.train.interrupt import Interrupt
from tensorgrad import nn

try:
    from nn.train import plots
except ImportError as error:
    plots, no_plots = None, f"matplotlib is missing ({error}): pip install matplotlib"

CLASSES = 10
PLOTS = ("curves.png", "filters.png", "feature_maps.png", "confusion.png", "gradient_flow.png")
CHECKPOINT = "checkpoint.safetensors"
FIXED = ("epochs", "lr", "batch_size", "seed", "augment")  # the arguments that decide the numbers of a run
History = list[dict[str, float]]


class Stopped(Exception):
    """Ctrl-C was pressed, and the run is saved."""


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
    net: nn.Module,
    data: ImageData,
    args: argparse.Namespace,
    generators: dict[str, np.random.Generator],
    interrupt: Interrupt,
    transform: Transform | None = None,
    checkpoint: Checkpoint | None = None,
) -> History:
    """Train with Adam and a one-cycle learning rate; prints a line for each epoch, and returns their numbers.

    Goes on from `checkpoint`, if there is one. Saves one in `args.out` every `args.checkpoint_every` steps, and on
    Ctrl-C, which then raises Stopped; whatever changes from step to step is in `parts` or in `so_far`.
    """
    x_test, epochs, lr = as_input(data.x_test), args.epochs, args.lr
    loader = DataLoader(
        *(as_input(data.x_train), data.y_train),
        batch_size=args.batch_size, shuffle=True, generator=generators["order"], transform=transform,
    )  # fmt: skip
    optimizer = nn.optim.Adam(net.parameters(), lr=lr)
    schedule = nn.schedule.OneCycleLR(optimizer, max_lr=lr, epochs=epochs, steps_per_epoch=len(loader))
    loss_function = nn.CrossEntropyLoss()

    parts = {"model": net, "optimizer": optimizer, "schedule": schedule, "loader": loader, **generators}
    so_far = {"history": [], "total_loss": 0.0, "right": 0}  # the epochs that are over; sums of the one under way
    if checkpoint:
        checkpoint.restore(parts)
        so_far = checkpoint.progress["so_far"]
    history: History = so_far["history"]
    run = {
        "arguments": {name: getattr(args, name) for name in (*FIXED, "checkpoint_every")},
        "data": identity(args, data),
    }

    def pause(due: bool) -> None:
        """Between two steps, the moment to save and to stop."""
        if due or interrupt.requested:
            save_checkpoint(args.out / CHECKPOINT, parts, {**run, "so_far": so_far})
            args.saved = True
        if interrupt.requested:
            raise Stopped(f"after {schedule.last_epoch} of {epochs * len(loader)} steps")

    for epoch in range(len(history) + 1, epochs + 1):
        start = time.perf_counter()
        net.train()
        done = loader.state_dict()["batches"]
        bar = tqdm(loader, f"epoch {epoch}", initial=done, leave=False, disable=None)
        pause(due=False)
        for images, labels in bar:
            scores = net(images)
            loss = loss_function(scores, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

            so_far["total_loss"] += loss.item() * len(labels)
            so_far["right"] += int((scores.data.argmax(1) == labels.data).sum())
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            pause(due=args.checkpoint_every and schedule.last_epoch % args.checkpoint_every == 0)

        test_scores = predict(net, x_test)
        row = {
            "epoch": epoch,
            "lr": optimizer.param_groups[0]["lr"],
            "train_loss": so_far["total_loss"] / len(data.y_train),
            "train_accuracy": so_far["right"] / len(data.y_train),
            "test_loss": nn.functional.cross_entropy(tg.from_numpy(test_scores), data.y_test).item(),
            "test_accuracy": accuracy(test_scores, data.y_test),
        }
        history.append(row)
        so_far.update(total_loss=0.0, right=0)
        print(
            f"epoch {epoch:2}/{epochs}   loss {row['train_loss']:.4f}   train {row['train_accuracy']:6.2%}   "
            f"test {row['test_accuracy']:6.2%}   lr {row['lr']:.1e}   {time.perf_counter() - start:.1f} s",
            flush=True,
        )
        if not math.isfinite(row["train_loss"]):
            raise FloatingPointError(
                f"the loss became {row['train_loss']} in epoch {epoch}: try a lower --lr than {lr}"
            )
        pause(due=False)
    return history


def as_input(images: np.ndarray) -> np.ndarray:
    """uint8 images (N, H, W) as float32 (N, 1, H, W) from 0 to 1."""
    return images[:, None].astype(np.float32) / 255


class Results:
    """The files of a run in its folder: each is named when it is there, or with the reason why it is left out.

    Within the `with`, once Ctrl-C was pressed, `stop_if_asked` and whatever can wait raise KeyboardInterrupt. After
    that, or an OSError, files that an earlier run left in the folder are told to be of that run.
    """

    def __init__(self, out: Path, interrupt: Interrupt) -> None:
        self.out, self.interrupt = out, interrupt
        self.missing = ["model.safetensors", "metrics.csv", "confusion.csv", "graph.dot", "graph.svg", *PLOTS]

    def __enter__(self) -> "Results":
        print(f"written to {self.out}:")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind and issubclass(kind, (KeyboardInterrupt, OSError)):
            for name in [name for name in self.missing if (self.out / name).exists()]:
                self.leave_out(name, "not written any more")

    def stop_if_asked(self) -> None:
        """Go no further after Ctrl-C."""
        if self.interrupt.requested:
            raise KeyboardInterrupt

    def write(self, name: str, what: str, writer: Callable[[Path], None], can_wait: bool = True) -> None:
        """Let `writer` write a file."""
        if can_wait:
            self.stop_if_asked()
        try:
            writer(self.out / name)
        except tg.viz.DrawingError as error:
            self.leave_out(name, str(error))
            return
        self.missing.remove(name)
        print(f"  {name:<18} {what}", flush=True)

    def leave_out(self, name: str, why: str) -> None:
        """Say that a file is not written."""
        self.missing.remove(name)
        older = " (the one in the folder is of an earlier run)" if (self.out / name).exists() else ""
        print(f"  {name:<18} left out{older}: {why}", flush=True)


def write_results(net: nn.Module, data: ImageData, history: History, out: Path, interrupt: Interrupt) -> None:
    """Write everything that `out` holds in the end, the weights first.

    After Ctrl-C only the weights and the metrics, which cost the training, are written; then it raises
    KeyboardInterrupt.
    """
    with Results(out, interrupt) as results:
        write, table = results.write, [list(history[0]), *(row.values() for row in history)]
        write("model.safetensors", "the weights", lambda path: nn.save(net, path), can_wait=False)
        what = "loss, accuracy and learning rate of each epoch"
        write("metrics.csv", what, lambda path: write_csv(path, table), can_wait=False)
        results.stop_if_asked()
        matrix = confusion_matrix(data.y_test, predict(net, as_input(data.x_test)).argmax(1), CLASSES)
        write("confusion.csv", "how often each class (row) was taken for each", lambda path: write_csv(path, matrix))
        graph = net.train().draw(as_input(data.x_train[:4]), data.y_train[:4])
        write("graph.dot", "one pass over 4 training images, as text", graph.save)
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
                ("how large the gradients of that pass are", plots.gradient_flow(graph, "gradients of 4 images")),
            )
            for name, (what, figure) in zip(PLOTS, figures, strict=True):
                write(name, what, functools.partial(plots.save, figure))
        else:
            for name in PLOTS:
                results.leave_out(name, no_plots)

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


def load_digits(folder: Path | None) -> ImageData:
    """The embedded digits, or those of a folder."""
    return load_mnist5k() if folder is None else load_idx_dataset(folder)


def moved(generator: np.random.Generator) -> Transform:
    """Digits stay what they are when they are moved by up to two pixels."""
    return RandomShift(2, generator=generator)


@dataclass(frozen=True)
class Task:
    """What one program trains, and on what; the rest of this file serves every task with images of 28x28."""

    name: str
    description: str
    network: Callable[[np.random.Generator, np.random.Generator], nn.Module]
    load: Callable[[Path | None], ImageData]
    augmentation: Callable[[np.random.Generator], Transform]
    default_data: str
    epochs: int = 12
    epochs_augmented: int = 48
    lr: float = 4e-3
    augment: bool = False
    out: Path = Path("runs/demo")


MNIST = Task(
    "train_mnist",
    "Train a small CNN on handwritten digits, and draw what it learnt.",
    lenet,
    load_digits,
    moved,
    "the embedded digits",
)


def load_data(task: Task, folder: Path | None) -> ImageData:
    """The task's data; raises DataError for images that its network does not take."""
    data = task.load(folder)
    for part, images in (("training", data.x_train), ("test", data.x_test)):
        if not len(images) or images.shape[1:] != (28, 28):
            count, height, width = images.shape
            raise nn.DataError(
                f"{folder or task.name}: {count} {part} images of {height}x{width}; at least one of 28x28 is needed"
            )
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


def parse(task: Task, arguments: list[str] | None) -> argparse.Namespace:
    """The arguments that were given; the others are filled in by `settle`."""
    parser = argparse.ArgumentParser(task.name, description=task.description, argument_default=argparse.SUPPRESS)
    epochs = f"{task.epochs}, with --augment {task.epochs_augmented}"
    parser.add_argument("--epochs", type=number(int, 1), help=f"passes over the training images ({epochs})")
    parser.add_argument("--lr", type=number(float, 0, strict=True), help=f"highest learning rate ({task.lr})")
    parser.add_argument("--batch-size", type=number(int, 1), help="images in each step (64)")
    parser.add_argument("--seed", type=number(int, 0), help="start of the random numbers (0)")
    parser.add_argument(
        "--augment", action=argparse.BooleanOptionalAction, help=f"change the images a little ({task.augment})"
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help=f"a folder with idx files ({task.default_data})")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"where results go ({task.out})")
    parser.add_argument(
        "--checkpoint-every", type=number(int, 0), metavar="STEPS", help="0, the default, saves only on Ctrl-C"
    )
    parser.add_argument(
        "--resume",
        type=Path,
        nargs="?",
        const=None,
        metavar="FILE",
        help=f"go on from {CHECKPOINT} in --out, or from FILE",
    )
    return parser.parse_args(arguments)


def settle(task: Task, given: argparse.Namespace) -> tuple[argparse.Namespace, Checkpoint | None]:
    """All arguments, and the checkpoint to go on from, if that was asked for.

    Arguments that were not given are the checkpoint's, or else the defaults. Raises ValueError, by name, for one that
    contradicts the checkpoint.
    """
    args = argparse.Namespace(lr=task.lr, batch_size=64, seed=0, augment=task.augment, data=None, checkpoint_every=0)
    named, checkpoint = vars(given), None
    file = named.get("resume")
    args.out = file.parent if file else task.out
    if "resume" in named:
        checkpoint = load_checkpoint(file or named.get("out", args.out) / CHECKPOINT)
        saved, data = checkpoint.progress.get("arguments", {}), checkpoint.progress.get("data", {})
        if data.get("program") != task.name:
            raise ValueError(f"{checkpoint.path}: the checkpoint is of {data.get('program', 'another program')}")
        for name in FIXED:
            if name in named and named[name] != saved[name]:
                raise ValueError(
                    f"{option(name, named[name])} contradicts {checkpoint.path}, which was trained with "
                    f"{option(name, saved[name])}; leave it out to go on"
                )
        vars(args).update(saved, data=Path(data["folder"]) if data["folder"] else None)
    vars(args).update(named)
    if "epochs" not in args:
        args.epochs = task.epochs_augmented if args.augment else task.epochs
    args.task = task.name
    return args, checkpoint


def option(name: str, value: object) -> str:
    """An argument as it is typed."""
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    return f"--{flag} {value}"


def identity(args: argparse.Namespace, data: ImageData) -> dict[str, str]:
    """What a run is trained on: its program, the folder, and a checksum of the images and labels."""
    digest = hashlib.sha256()
    for array in vars(data).values():
        digest.update(str(array.shape).encode() + np.ascontiguousarray(array).data)
    folder = str(args.data.resolve()) if args.data else ""
    return {"program": args.task, "folder": folder, "sha256": digest.hexdigest()}


def how_to_go_on(args: argparse.Namespace) -> str:
    """How to go on from the checkpoint in `args.out`; empty if there is none of this run."""
    if not args.saved:
        return ""
    python = Path(sys.executable)
    python = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    command = [str(python), "-m", f"examples.{args.task}", "--resume", str(args.out / CHECKPOINT)]
    return f". To go on:\n  {shlex.join(command)}"


def main(arguments: list[str] | None = None, task: Task = MNIST) -> int:
    given = parse(task, arguments)
    try:
        args, checkpoint = settle(task, given)
        data = load_data(task, args.data)
        if checkpoint and checkpoint.progress["data"]["sha256"] != identity(args, data)["sha256"]:
            raise nn.DataError(f"--data {args.data}: other images than {checkpoint.path} was trained on")
        make_folder(args.out)
        own = args.out / CHECKPOINT
        args.saved = checkpoint is not None and own.exists() and own.samefile(checkpoint.path)
    except KeyboardInterrupt:
        print("\nstopped before the training", file=sys.stderr)
        return 130
    except (tg.TensorgradError, OSError, ValueError) as error:
        print(f"{task.name}: {error}", file=sys.stderr)
        return 2

    # One BLAS thread: small products with vectors go to BLAS as they are, whose threads may change their last bits.
    # Ctrl-C is held until everything is written: between the last step and the weights, too, it loses nothing.
    try:
        with threadpool_limits(1, "blas"), hold_interrupt() as interrupt:
            return carry_out(task, args, data, checkpoint, interrupt)
    except KeyboardInterrupt:
        left = f"{args.out} is as it was last saved" if args.saved else "nothing of this run was saved"
        print(f"\nstopped at once: {left}{how_to_go_on(args)}", file=sys.stderr)
        return 130


def carry_out(
    task: Task, args: argparse.Namespace, data: ImageData, checkpoint: Checkpoint | None, interrupt: Interrupt
) -> int:
    """Make the network, train it and write the results; returns the exit code. A second Ctrl-C interrupts it."""
    # Sources of random numbers of their own, so that drawing more from one leaves the others as they were.
    init, dropout, order, change = np.random.default_rng(args.seed).spawn(4)
    net = task.network(init, dropout)
    transform = task.augmentation(change) if args.augment else None
    generators = {"dropout": dropout, "order": order, "augmentation": change}
    print(nn.summary(net, (1, 1, 28, 28)))
    source = args.data or task.default_data
    print(f"{len(data.x_train):,} training and {len(data.x_test):,} test images, {source}")
    if checkpoint:
        print(f"going on from {checkpoint.path}")

    try:
        history = train(net, data, args, generators, interrupt, transform, checkpoint)
    except Stopped as stopped:
        print(f"\nstopped and saved {stopped}{how_to_go_on(args)}", file=sys.stderr)
        return 130
    except (FloatingPointError, tg.TensorgradError, OSError) as error:
        print(f"{task.name}: {error}; no results were written", file=sys.stderr)
        return 1
    try:
        write_results(net, data, history, args.out, interrupt)
    except KeyboardInterrupt:
        print(f"\nstopped: only the files named above were written{how_to_go_on(args)}", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"{task.name}: {error}; only the files named above were written", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
