"""The convolution worked by hand: windows, stride, padding, sizes, channels.

All kernels of the lecture are symmetric, which hides a difference: deep learning slides the kernel as it stands
(cross-correlation), mathematics turns it by 180 degrees first. So kernels that are not symmetric are here too.
"""

from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .show import Pictures, beside, heading

STRIPES = [[1, 2, 3, 4], [4, 3, 2, 1], [1, 2, 3, 4], [4, 3, 2, 1]]
COUNTING = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
ONES = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
SMALL, TWOS = [[1, 2], [4, 5]], [[2, 2], [2, 2]]


def one(picture: Any) -> tg.Tensor:
    """Rows of numbers as a batch of one image with one channel, (1, 1, H, W): what conv2d takes."""
    return tg.tensor([[picture]], dtype=tg.float32)


def conv(picture: Any, kernel: Any, **options: Any) -> np.ndarray:
    """The map that a kernel makes of a picture, as a plain array."""
    return tg.conv2d(one(picture), one(kernel), **options)[0, 0].numpy()


def main(pictures: Pictures) -> None:
    heading("A convolution by hand")
    found = conv(STRIPES, COUNTING)
    print("The kernel lies on each window of the image; products are added up.\n")
    beside(STRIPES, "*", COUNTING, "=", found)
    window = np.array(STRIPES)[:3, :3]
    products = " + ".join(f"{a}*{b}" for a, b in zip(window.flat, np.ravel(COUNTING), strict=True))
    print(f"\nThe first window: {products} = {(window * COUNTING).sum()}")
    turned = np.array(COUNTING)[::-1, ::-1]
    print("\nA convolution as mathematics defines it turns the kernel by 180 degrees first:\n")
    beside(STRIPES, "*", turned, "=", conv(STRIPES, turned))

    heading("Padding")
    print("Without padding the map is smaller than the image. A ring of zeros, padding=1, keeps the size.\n")
    beside(STRIPES, "*", ONES, "=", conv(STRIPES, ONES), "or", conv(STRIPES, ONES, padding=1))

    heading("Stride")
    ringed = np.pad(SMALL, 1)
    found = conv(SMALL, TWOS, padding=1)
    print("The image in its ring of zeros, and the maps at stride 1 and at stride 2:\n")
    beside(ringed, "*", TWOS, "=", found, "or", conv(SMALL, TWOS, padding=1, stride=2))
    products = " + ".join(f"{value}*2" for value in ringed[1:3, 2:4].flat)
    print(f"\nThe lecture prints 20 at the end of the middle row. It is {products} = {found[1, 2]:g}.")

    heading("Output sizes")
    print("size' = floor((size + before + after - dilation*(kernel - 1) - 1) / stride) + 1\n")
    print("   size  kernel  stride  padding  dilation     size'")
    for size, kernel, stride, padding, dilation in (
        (28, 3, 1, (0, 0), 1),
        (28, 3, 1, (1, 1), 1),
        (28, 5, 1, (2, 2), 1),
        (28, 2, 1, (0, 1), 1),  # a kernel of even size has no middle: one side gets more
        (28, 3, 2, (1, 1), 1),
        (28, 3, 1, (2, 2), 2),
        (224, 7, 2, (3, 3), 1),  # the first layer of a ResNet
    ):
        layer = nn.Conv2d(1, 1, kernel, stride, (padding, padding), dilation)
        there = layer(tg.zeros(1, 1, size, size)).shape[-1]
        reach = dilation * (kernel - 1)
        assert there == (size + sum(padding) - reach - 1) // stride + 1
        sides = f"{padding[0]} + {padding[1]}"
        print(f"  {size:5} {kernel:7} {stride:7}    {sides} {dilation:9} {there:9}")

    heading("Filters and channels")
    tg.manual_seed(0)
    layer, following, mixing = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3), nn.Conv2d(4, 2, 1)
    rgb = tg.rand(1, 3, 8, 8)
    maps = layer(rgb)
    parts = [tg.conv2d(rgb[:, c : c + 1], layer.weight[:1, c : c + 1]) for c in range(3)]
    difference = (parts[0] + parts[1] + parts[2] + layer.bias[0] - maps[:, :1]).abs().max().item()
    print("A filter has a kernel for each channel; their maps are added up. k filters give a stack of k maps,")
    print("which is the image of the next layer. Papers write [3x3, 4] for 4 filters of 3x3.\n")
    print(f"    image       {tuple(rgb.shape)}     red, green, blue")
    print(f"    [3x3, 4]    {tuple(maps.shape)}     weight {tuple(layer.weight.shape)}")
    print(f"    [3x3, 2]    {tuple(following(maps).shape)}     weight {tuple(following.weight.shape)}")
    print(f"    [1x1, 2]    {tuple(mixing(maps).shape)}     on the 4 maps: changes the number of channels only")
    print(f"\nFirst map against red + green + blue + bias, largest difference: {difference:.0e}")
