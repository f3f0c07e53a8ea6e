"""Kernels that answer to a feature, and two layers that answer to an X: set by hand, then learned."""

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .convolution import conv
from .show import Pictures, beside, heading

RISING = [[-1, -1, 1], [-1, 1, -1], [1, -1, -1]]
FALLING = [[1, -1, -1], [-1, 1, -1], [-1, -1, 1]]
CROSSING = [[1, -1, 1], [-1, 1, -1], [1, -1, 1]]

middle = np.arange(7) == 3
FIGURES = {
    "x": np.eye(7, dtype=bool) | np.eye(7, dtype=bool)[::-1],
    "falling": np.eye(7, dtype=bool),
    "rising": np.eye(7, dtype=bool)[::-1],
    "plus": middle[:, None] | middle,
    "square": np.pad(np.zeros((5, 5), bool), 1, constant_values=True),
}


def scene(size: tuple[int, int], *figures: tuple[str, int, int]) -> np.ndarray:
    """Figures, each with the place of its upper left corner, on an image: 1 on the lines, -1 elsewhere."""
    image = np.full(size, -1, np.float32)
    for kind, top, left in figures:
        image[top : top + 7, left : left + 7][FIGURES[kind]] = 1
    return image


def network() -> nn.Sequential:
    """Three maps of features, then one map of what stands around each place."""
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Conv2d(3, 1, 5))


def by_hand() -> nn.Sequential:
    """The X detector with its weights written down."""
    net = network()
    agree = np.zeros((1, 3, 5, 5), np.float32)
    agree[0, 0, 0, 4] = agree[0, 0, 4, 0] = 1  # rising: above to the right, and below to the left
    agree[0, 1, 0, 0] = agree[0, 1, 4, 4] = 1  # falling: above to the left, and below to the right
    agree[0, 2, 2, 2] = 1  # the crossing in the middle
    with tg.no_grad():
        net[0].weight.copy_(tg.tensor([[RISING], [FALLING], [CROSSING]], dtype=tg.float32))
        net[0].bias.zero_()
        net[2].weight.copy_(tg.tensor(agree))
        net[2].bias.fill_(-44)  # each of the five answers 9 at most: only all together are more than 44
    return net


def learned() -> tuple[nn.Sequential, list[float], float]:
    """The network trained on images and whether each has an X; the losses; the share of right answers elsewhere."""
    places = [(kind, top, left) for top in range(6) for left in range(6) for kind in FIGURES]
    images = np.stack([scene((12, 12), place) for place in places])[:, None]
    is_x = np.array([kind == "x" for kind, _, _ in places])
    seen = np.array([(top + left) % 2 == 0 for _, top, left in places])
    tg.manual_seed(2)
    net = network()
    optimizer = nn.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        highest = nn.functional.adaptive_max_pool2d(net(images[seen]), 1).flatten()
        loss = nn.functional.binary_cross_entropy_with_logits(highest, is_x[seen].astype(np.float32))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    answers = nn.train.predict(net, images[~seen]).max((1, 2, 3)) > 0
    return net, losses, float((answers == is_x[~seen]).mean())


def main(pictures: Pictures) -> None:
    heading("A feature map")
    image = scene((7, 7), ("falling", 0, 0))
    found = conv(image, FALLING)
    print("The map is high where the image looks like the kernel: at most 9, one for each of its pixels.\n")
    beside(image, "*", FALLING, "=", found)
    other = conv(image[:, ::-1], FALLING)
    print(f"\nOn the other diagonal the same kernel answers {other.max():g} at most.")
    pictures.grid(
        "feature_map.png",
        [{"image": image, "kernel: falling diagonal": FALLING, "map": found}],
        "A feature map is high where the image matches the kernel",
    )

    heading("X detector, weights set by hand")
    net = by_hand()
    figures = [("x", 1, 2), ("plus", 2, 14), ("square", 1, 25), ("rising", 13, 1), ("x", 14, 12), ("falling", 13, 24)]
    image = scene((23, 34), *figures)
    stages = nn.train.layer_outputs(net, image[None, None])
    found = stages["2"][0, 0]
    print("Layer 1: rising diagonal, falling diagonal, crossing; ReLU. Layer 2 adds up their answers where an X has")
    print("its five features, and subtracts 44. An image of 23x34 with six figures:\n")
    for kind, top, left in figures:
        print(f"    {kind:8} at row {top:2}, column {left:2}     answer {found[top, left]:4g}")
    above = [(int(y), int(x)) for y, x in np.argwhere(found > 0)]
    print(f"\nThe answer is above 0 at (row, column) {', '.join(map(str, above))} only: the X, wherever it stands.")
    print("Where all is empty, a diagonal kernel answers 3: six of its pixels agree with the image, three do not.")
    maps = stages["1"][0]
    pictures.grid(
        "x_detector.png",
        [
            {"image": image, "after layer 2: what is above 0": np.maximum(found, 0)},
            {"kernel: rising": RISING, "kernel: falling": FALLING, "kernel: crossing": CROSSING},
            {"map after ReLU: rising": maps[0], "falling": maps[1], "crossing": maps[2]},
        ],
        "The X detector",
    )

    heading("X detector, learned")
    net, losses, right = learned()
    print("The same layers, from 90 images of 12x12 with one figure, and whether it is an X:\n")
    print(f"    loss at the start {losses[0]:.3f}, after 150 steps of Adam {losses[-1]:.4f}")
    print(f"    right on 90 images with the figures at other places: {right:.1%}")
    image = scene((23, 34), *figures)
    found = nn.train.predict(net, image[None, None])[0, 0]
    above = [(int(y), int(x)) for y, x in np.argwhere(found > 0)]
    print(f"    on the image above, answers above 0 at {', '.join(map(str, above)) or 'no place'}")
