"""ReLU and max pooling: what they compute, what pooling saves, and what it does to noise, rotation and scale."""

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .convolution import one
from .show import Pictures, beside, heading
from .translation import change
from .x_detector import FALLING, RISING


def main(pictures: Pictures) -> None:
    heading("ReLU, then max pooling")
    x = one([[1, -1, -1, -4], [2, -2, 7, 3], [-3, -7, -1, -4], [3, 5, 4, -6]]).requires_grad_()
    rectified = tg.relu(x)
    pooled = tg.max_pool2d(rectified, 2)
    print("ReLU sets what is negative to 0. Pooling keeps the largest of each 2x2 region, at stride 2:\n")
    beside(x[0, 0].detach().numpy(), "->", rectified[0, 0].detach().numpy(), "->", pooled[0, 0].detach().numpy())
    pooled.sum().backward()
    print("\nOn the way back the gradient goes to that largest one alone:\n")
    beside(x.grad[0, 0].numpy())

    heading("What pooling saves")
    for text in ("[3x3, 8] [3x3, 8]", "[3x3, 8] pool [3x3, 8]"):
        found = nn.summary(nn.cnn(text, (1, 28, 28)), (1, 1, 28, 28))
        last = [row for row in found.rows if row.kind == "Conv2d"][-1]
        print(f"    {text:24} second convolution: {last.multiply_adds:7,} multiply-adds")

    heading("Pooling and noise")
    digits = nn.data.load_digits8x8().x_test[:, None] / 16
    rng = np.random.default_rng(0)
    print("How far 360 digits are from what they were, against their own size, before and after pooling 2x2:\n")
    for kind, noisy in (
        ("one pixel in ten lost", np.where(rng.random(digits.shape) < 0.1, 0, digits)),
        ("weak noise everywhere", digits + rng.normal(0, 0.1, digits.shape)),
        ("one in ten made white", np.where(rng.random(digits.shape) < 0.1, 1, digits)),
    ):
        clean, pooled = (tg.max_pool2d(tg.tensor(images), 2).numpy() for images in (digits, noisy))
        print(f"    {kind}    {change(digits, noisy):.2f} -> {change(clean, pooled):.2f}")
    print("\nThe neighbours of a lost pixel stand in for it. A white speck is the largest of its region, and stays.")

    heading("Pooling over detectors")
    level = np.full((3, 3), -1)
    level[1] = 1
    turns = [level.tolist(), RISING, level.T.tolist(), FALLING]
    squares = [np.pad(np.ones((n, n)), (7 - n) // 2, constant_values=-1).tolist() for n in (1, 3, 5)]
    print("Tolerance to rotation and scale takes detectors for several, and the largest of their answers:\n")
    for kind, patterns in (("a line at 0, 45, 90, 135 degrees", turns), ("a square of size 1, 3, 5", squares)):
        images = tg.tensor(np.array(patterns, np.float32)[:, None])
        answers = tg.conv2d(images, images)[:, :, 0, 0].numpy()  # of each image, from each detector
        print(f"    {kind:33} first detector: {' '.join(f'{n:3g}' for n in answers[:, 0])}")
        print(f"    {'':33} largest:        {' '.join(f'{n:3g}' for n in answers.max(1))}")
