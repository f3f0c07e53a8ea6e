"""Train a CNN on Fashion-MNIST, 60,000 pictures of clothes, and test it on its 10,000 test images.

    python -m examples.fashion_mnist                    from where the files are: see nn.data.load_fashion_mnist
    python -m examples.fashion_mnist --resume           goes on where Ctrl-C or a crash stopped it

On Debian and Ubuntu, `apt-get install dataset-fashion-mnist` brings the files. The training loop, the options and what
is written are those of examples/train_mnist.py. The network and its settings were chosen on 5,000 training images held
out for that, not on the test images.
"""

import sys
from pathlib import Path

import numpy as np

from examples import train_mnist
from nn.data import RandomHorizontalFlip, load_fashion_mnist
from nn.data.transforms import Transform
from tensorgrad import nn


def network(init: np.random.Generator, dropout: np.random.Generator) -> nn.Sequential:
    """Three convolutions for images (N, 1, 28, 28). The comments are the shapes that come out."""
    return nn.Sequential(
        {
            "conv1": nn.Conv2d(1, 16, 3, padding=1, bias=False, generator=init),  # 16 x 28 x 28
            "bn1": nn.BatchNorm2d(16),
            "relu1": nn.ReLU(),
            "pool1": nn.MaxPool2d(2),  # 16 x 14 x 14
            "conv2": nn.Conv2d(16, 32, 3, padding=1, bias=False, generator=init),  # 32 x 14 x 14
            "bn2": nn.BatchNorm2d(32),
            "relu2": nn.ReLU(),
            "pool2": nn.MaxPool2d(2),  # 32 x 7 x 7
            "conv3": nn.Conv2d(32, 64, 3, padding=1, bias=False, generator=init),  # 64 x 7 x 7
            "bn3": nn.BatchNorm2d(64),
            "relu3": nn.ReLU(),
            "pool3": nn.MaxPool2d(2),  # 64 x 3 x 3
            "flatten": nn.Flatten(),  # 576
            "dropout": nn.Dropout(0.2, generator=dropout),
            "fc": nn.Linear(576, train_mnist.CLASSES, generator=init),  # a score for each class
        }
    )


def mirrored(generator: np.random.Generator) -> Transform:
    """Clothes look the same the other way round."""
    return RandomHorizontalFlip(generator=generator)


FASHION = train_mnist.Task(
    "fashion_mnist",
    "Train a CNN on Fashion-MNIST, and draw what it learnt.",
    network,
    load_fashion_mnist,
    mirrored,
    "Fashion-MNIST",
    epochs=8,
    epochs_augmented=8,
    lr=5e-3,
    augment=True,
    out=Path("runs/fashion"),
)


def main(arguments: list[str] | None = None) -> int:
    return train_mnist.main(arguments, FASHION)


if __name__ == "__main__":
    sys.exit(main())
