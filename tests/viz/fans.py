"""Graphs in which many arrows leave or meet at one card."""

from collections.abc import Callable

import numpy as np

import nn
import tensorgrad as tg
from tensorgrad import viz

from .graphs import GRAPHS, leaf, lenet, values


def assigned() -> viz.GraphView:
    """A row that is put into a matrix: a low card beside a tall one."""
    x, v = leaf(np.ones((4, 4), np.float32)), leaf(np.ones(4, np.float32))
    y = x * 2
    y[0] = v
    return viz.graph(y.sum(), inputs={"x": x, "v": v})


def branches(recorded: bool = True) -> viz.GraphView:
    """Four convolutions side by side, put together again, as in an Inception block."""
    convs = nn.ModuleList([nn.Conv2d(4, 4, size, padding=size // 2) for size in (1, 3, 5, 1)])
    x = leaf(values(1, 4, 8, 8))
    with viz.record() as run:
        loss = tg.square(tg.cat([conv(x) for conv in convs], 1)).mean()
        loss.backward()
    return (run if recorded else viz).graph(loss, model=convs, inputs={"x": x})


class Block(nn.Module):
    """Attention with one head and two dense layers, each with a way around it."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(8, 8) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.up, self.down = nn.Linear(8, 16), nn.Linear(16, 8)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = self.norm1(x)
        weights = tg.softmax(self.q(h) @ tg.transpose(self.k(h), -1, -2) * 8**-0.5, -1)
        x = x + self.out(weights @ self.v(h))
        return x + self.down(tg.relu(self.up(self.norm2(x))))


def transformer() -> viz.GraphView:
    """Two blocks of a transformer."""
    tg.manual_seed(0)
    net = nn.Sequential(Block(), Block())
    x = leaf(values(1, 5, 8))
    with viz.record() as run:
        loss = tg.square(net(x)).mean()
        loss.backward()
    return run.graph(loss, model=net, inputs={"x": x})


def fan_out(users: int) -> viz.GraphView:
    """One value, used several times in different ways."""
    x = leaf(values(3, 4))
    ways = [tg.tanh, tg.exp, tg.sigmoid, lambda h: h * h, tg.relu, lambda h: (h * 1e-9).clip(-1, 1)]
    with viz.record() as run:
        h = x * 1.5
        loss = h.sum() if users == 1 else (h + ways[0](h)).sum()
        for way in ways[1:users]:
            loss = loss + way(h).mean()
        loss.backward()
    return run.graph(loss, inputs={"x": x, "h": h})


def twice_by_twice() -> viz.GraphView:
    """Two inputs, used by the same two operations: labels meet from both sides."""
    a, b = leaf(values(3)), leaf(values(3, scale=3.0))
    with viz.record() as run:
        loss = ((a * b) + (a + b) * a + b * b).sum()
        loss.backward()
    return run.graph(loss, inputs={"a": a, "b": b})


FANS: dict[str, Callable[[], viz.GraphView]] = {
    "assigned": assigned,
    "branches": branches,
    "transformer": transformer,
    "fan of 2": lambda: fan_out(2),
    "fan of 4": lambda: fan_out(4),
    "fan of 6": lambda: fan_out(6),
    "twice by twice": twice_by_twice,
    "shared weight": GRAPHS["shared_weight"],
    "scalar": GRAPHS["scalar_after"],
    "second order": GRAPHS["second_order"],
    "lenet": lambda: lenet(walk=True),
}
