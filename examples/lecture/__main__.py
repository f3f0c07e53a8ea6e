"""A lecture on convolutional networks, as programs: each of its facts with the numbers that this library computes.

    python -m examples.lecture                         all of it
    python -m examples.lecture pooling gradients       some of it
    python -m examples.lecture --out DIR               pictures into DIR instead of runs/lecture

Each demonstration is a file beside this one, to be read on its own.
"""

import argparse
import sys
import time
from pathlib import Path

from . import classes, convolution, gradients, parameters, pooling, show, study, training, translation, x_detector

DEMONSTRATIONS = {
    "convolution": convolution.main,
    "x_detector": x_detector.main,
    "translation": translation.main,
    "pooling": pooling.main,
    "parameters": parameters.main,
    "classes": classes.main,
    "gradients": gradients.main,
    "training": training.main,
    "study": study.main,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "examples.lecture", description="A lecture on convolutional networks, with numbers."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to show: {', '.join(DEMONSTRATIONS)} (all)")
    parser.add_argument("--out", type=Path, default=Path("runs/lecture"), help="folder for the pictures (%(default)s)")
    args = parser.parse_args(arguments)
    for name in args.names:
        if name not in DEMONSTRATIONS:
            parser.error(f"there is no demonstration {name!r}: choose from {', '.join(DEMONSTRATIONS)}")
    start = time.perf_counter()
    for name in args.names or DEMONSTRATIONS:
        DEMONSTRATIONS[name](show.Pictures(args.out))
    if show.plots is None:
        print(f"\n{show.no_plots}")
    print(f"\n{time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
