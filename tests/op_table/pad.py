"""Rows of padding."""

from tensorgrad.ops import pad
from tests import naive

from .row import Row


def pad_adjoint(gy, shape, widths, mode):
    return naive.adjoint(lambda x: naive.pad(x, widths, mode, 0), shape, gy)


ROWS: list[Row] = []

# Every mode, negative widths, axes of 0 and all of the size that a mode can take
PADS = [
    ((2, 5), ((0, 0), (1, 2)), "constant", 0),
    ((2, 5), ((1, 0), (-1, 3)), "constant", 1.5),
    ((4, 3), ((-1, -2), (2, -1)), "constant", -2),
    ((0, 3), ((1, 2), (-3, 1)), "constant", 0),
    ((3,), ((-3, 3),), "constant", 0.5),
    ((), (), "constant", 1),
    ((1, 2, 4), ((0, 0), (0, 0), (3, 2)), "reflect", 0),
    ((1, 4, 3), ((0, 0), (1, 3), (2, 1)), "reflect", 0),
    ((1, 4, 5), ((0, 0), (-1, 2), (3, -2)), "reflect", 0),
    ((1, 2, 3), ((0, 0), (0, 0), (5, 4)), "replicate", 0),
    ((1, 2, 3), ((0, 0), (3, 0), (-1, 2)), "replicate", 0),
    ((0, 1, 2, 3), ((0, 0), (0, 0), (3, 0), (1, 2)), "replicate", 0),
    ((1, 2, 3), ((0, 0), (0, 0), (3, 2)), "circular", 0),
    ((1, 4, 3), ((0, 0), (2, 4), (-1, 2)), "circular", 0),
    ((1, 4, 3), ((0, 0), (0, 0), (0, 0)), "circular", 0),
    ((1, 4, 3), ((0, 0), (0, 0), (0, 0)), "reflect", 0),
]
for shape_, widths, mode, value in PADS:
    params = {"widths": widths, "mode": mode}
    size = tuple(n + sum(w) for n, w in zip(shape_, widths, strict=True))
    ROWS.append(Row(pad._pad, naive.pad, [shape_], {**params, "value": value}))
    ROWS.append(
        Row(
            pad.pad_adjoint,
            pad_adjoint,
            [size],
            {"shape": shape_, **params},
        )
    )
ROWS += [
    Row(pad.pad, lambda x, *, widths=widths, mode, value, **_: naive.pad(x, widths, mode, value or 0), [shape_], params)
    for shape_, widths, params in [
        ((2, 3), ((0, 0), (1, 2)), {"pad": (1, 2), "mode": "constant", "value": None}),
        ((2, 3), ((0, 1), (-1, 2)), {"pad": [-1, 2, 0, 1], "mode": "constant", "value": 2.5}),
        ((1, 2, 3, 4), ((0, 0), (0, 0), (1, 2), (3, 0)), {"pad": (3, 0, 1, 2), "mode": "reflect", "value": None}),
        ((2, 3, 4), ((0, 0), (1, 0), (0, 5)), {"pad": (0, 5, 1, 0), "mode": "replicate", "value": 0}),
        ((1, 2, 3), ((0, 0), (0, 0), (3, 1)), {"pad": (3, 1), "mode": "circular", "value": None}),
    ]
]
