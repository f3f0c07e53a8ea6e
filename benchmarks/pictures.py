"""How long pictures of graphs take, and how large they are: `python -m benchmarks.pictures`, a table for the docs."""

import platform
import random
import time
from collections.abc import Callable
from typing import Any

import tensorgrad as tg
from examples.pictures import lenet, resnet18
from tensorgrad.viz.collapse import LIMIT
from tensorgrad.viz.compose import compose
from tensorgrad.viz.options import Options
from tensorgrad.viz.svg import to_svg

REPEATS = 3


def chain(length: int) -> tg.viz.GraphView:
    """Operations one after the other, every second one also fed by an older one."""
    choice = random.Random(0)
    made = [tg.ones(4, requires_grad=True)]
    for i in range(length):
        made.append(tg.tanh(made[-1]) if i % 2 else made[-1] + made[-choice.randrange(1, min(len(made), 8) + 1)])
    return tg.viz.graph(made[-1])


def timed(call: Callable[[], Any]) -> tuple[Any, str]:
    """What a call gives, and its least processor and elapsed seconds."""
    spent, elapsed = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        made = call()
        elapsed.append(time.perf_counter() - wall)
        spent.append(time.process_time() - cpu)
    return made, f"{min(spent):.2g} / {min(elapsed):.2g}"


def measured(view: tg.viz.GraphView, options: dict[str, Any]) -> list[str]:
    """The cells of a row."""
    every = Options(**options)
    texts = (
        timed(lambda: view.to_svg(**options)),
        timed(lambda: to_svg(compose(view, every, None))),
        timed(lambda: view.to_dot(**options)),
    )
    (svg, drawn), (whole, laid), (dot, written) = texts
    sizes = [f"{len(text) / 1000:,.0f} kB" for text in (svg, whole, dot)]
    cards = [f"{len(compose(view, every, limit).cards):,}" for limit in (LIMIT, None)]
    return [cards[0], drawn, sizes[0], cards[1], laid, sizes[1], written, sizes[2]]


def main(lengths: tuple[int, ...] = (1000, 5000, 20_000)) -> None:
    print(f"Seconds of processor / elapsed, the least of {REPEATS}. {platform.machine()}, Python", end=" ")
    print(f"{platform.python_version()}, {time.strftime('%Y-%m-%d')}\n")
    print("| graph | cards | to_svg() s | SVG | all cards | laid out s | SVG | to_dot() s | DOT |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    block: dict[str, Any] = {"collapse": "auto", "expand": ("layer2.0",)}
    rows: list[tuple[str, Callable[[], tg.viz.GraphView], dict[str, Any]]] = [
        ("LeNet-5, recorded", lenet, {}),
        ("ResNet-18, recorded", resnet18, {}),
        ('ResNet-18, `collapse="auto"`, one block open', resnet18, block),
    ]
    for length in lengths:
        rows.append((f"{length:,} operations", lambda length=length: chain(length), {}))
    for name, build, options in rows:
        print(f"| {name} | {' | '.join(measured(build(), options))} |")


if __name__ == "__main__":
    main()
