"""What a shift of the image does to a convolution, to a dense layer, and to pooled maps."""

import numpy as np

import tensorgrad as tg
from tensorgrad import nn

from .show import Pictures, heading
from .x_detector import FALLING, RISING


def strokes(columns: range) -> tuple[np.ndarray, np.ndarray]:
    """Rising and falling strokes of 3x3 on black images of 12x12, at all heights and at these columns; and which."""
    places = [(kind, top, left) for kind in (0, 1) for top in range(10) for left in columns]
    images = np.zeros((len(places), 1, 12, 12), np.float32)
    for image, (kind, top, left) in zip(images, places, strict=True):
        image[0, top : top + 3, left : left + 3] = np.maximum((RISING, FALLING)[kind], 0)
    return images, np.array([kind for kind, _, _ in places])


def shifted(images: np.ndarray, by: int) -> np.ndarray:
    """Images moved to the right, black behind."""
    return np.pad(images, [(0, 0)] * (images.ndim - 1) + [(by, 0)])[..., : images.shape[-1]]


def change(before: np.ndarray, after: np.ndarray) -> float:
    """The size of the difference, against the size of what was there."""
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def main(pictures: Pictures) -> None:
    heading("Seen on the left, known on the right")
    images, labels = strokes(range(4))
    elsewhere, their_labels = strokes(range(6, 10))
    tg.manual_seed(0)
    conv = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    dense = nn.Sequential(nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 2))
    print("Rising or falling? Trained on strokes in the left third of the image, tested on the left and the right.\n")
    print("                 parameters     left     right")
    for name, net in (("convolution", conv), ("dense layers", dense)):
        optimizer = nn.optim.Adam(net.parameters(), lr=0.03)
        for _ in range(100):
            loss = nn.functional.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        here = nn.train.accuracy(nn.train.predict(net, images), labels)
        there = nn.train.accuracy(nn.train.predict(net, elsewhere), their_labels)
        count = sum(p.numel() for p in net.parameters())
        print(f"    {name:12} {count:10,} {here:10.1%} {there:8.1%}")
    print("\nA kernel is the same at every place. A dense layer has weights of its own for each, and guesses.")

    heading("A shifted image has a shifted map")
    kernels = tg.tensor([[FALLING], [RISING]], dtype=tg.float32)
    digit = np.pad(nn.data.load_digits8x8().x_test[:1, None].astype(np.float32) / 16, [(0, 0), (0, 0), (0, 0), (2, 4)])
    moved = shifted(digit, 2)
    maps, maps_moved = (tg.relu(tg.conv2d(tg.tensor(x), kernels, padding=1)).numpy() for x in (digit, moved))
    inside = slice(3, -1)  # at the border the ring of zeros stands for what is outside
    difference = np.abs(shifted(maps, 2) - maps_moved)[..., inside].max()
    print(f"A digit moves by 2 pixels, and its maps by 2 pixels: the largest difference is {difference:g}.")
    pictures.grid(
        "translation.png",
        [
            {"digit": digit[0, 0], "map: falling": maps[0, 0], "map: rising": maps[0, 1]},
            {"moved by 2": moved[0, 0], "map: falling": maps_moved[0, 0], "map: rising": maps_moved[0, 1]},
        ],
        "A shifted image has a shifted map",
    )

    heading("Pooled maps change less")
    digits = nn.data.load_digits8x8().x_test[:, None].astype(np.float32) / 16
    print("How much maps of 360 digits change when the digits move by one pixel, against their own size:\n")
    pairs = [tg.relu(tg.conv2d(tg.tensor(x), kernels, padding=1)) for x in (digits, shifted(digits, 1))]
    for size in (1, 2, 4):
        before, after = (tg.max_pool2d(m, size).numpy() for m in pairs)
        print(f"    {f'pooled {size}x{size}' if size > 1 else 'not pooled':12} {change(before, after):.2f}")
