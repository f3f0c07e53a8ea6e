"""Rows of max pooling."""

import itertools

import numpy as np

from tensorgrad.ops import pool
from tests import naive

from .conv import SPACE, first
from .row import Row, draw

KINKS = {
    "max_pool1d": "on ties the first value in reading order takes the gradient, of several nan the last",
    "max_pool2d": "on ties the first value in reading order takes the gradient, of several nan the last",
    "max_pool3d": "on ties the first value in reading order takes the gradient, of several nan the last",
}


def pool_size(size, kernel_size, stride, padding, dilation, ceil_mode):
    """Windows counted one by one: they fit; with ceil_mode also one that hangs over the end but starts before it."""
    sizes = []
    for n, k, s, p, d in zip(size, kernel_size, stride, padding, dilation, strict=True):
        ends = [i * s + d * (k - 1) + 1 for i in range(n + 2 * p + 1)]
        count = sum(end <= n + 2 * p for end in ends)
        if ceil_mode and ends[count - 1] < n + 2 * p and count * s < n + p:
            count += 1
        sizes.append(count)
    return tuple(sizes)


def max_pool(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Values and offsets: the number of the kernel place that won each window, in reading order."""
    values, flat = max_pool_flat(x, kernel_size, stride, padding, dilation, ceil_mode)
    offsets = np.zeros(flat.shape, np.uint8)
    for at in np.ndindex(flat.shape):
        pixel = np.unravel_index(int(flat[at]), x.shape[2:])
        places = [(i + p - y * s) // d for i, p, y, s, d in zip(pixel, padding, at[2:], stride, dilation, strict=True)]
        offsets[at] = np.ravel_multi_index(places, kernel_size)
    return values, offsets


def max_pool_flat(x, kernel_size, stride, padding, dilation, ceil_mode):
    """Values and positions in the flattened plane."""
    size = pool_size(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return naive.max_pool(x, kernel_size, stride, padding, dilation, size)


def winners(offsets, kernel_size, stride, padding, dilation, **_):
    """(window, the pixel that won it) for all windows."""
    for at in np.ndindex(offsets.shape):
        place = np.unravel_index(int(offsets[at]), kernel_size)
        pixel = [y * s + int(k) * d - p for y, s, k, d, p in zip(at[2:], stride, place, dilation, padding, strict=True)]
        yield at, (*at[:2], *pixel)


def max_pool_scatter(g, offsets, shape, **windows):
    out = np.zeros(shape)
    for window, pixel in winners(offsets, **windows):
        out[pixel] += g[window]
    return out


def max_pool_gather(x, offsets, **windows):
    out = np.zeros(offsets.shape)
    for window, pixel in winners(offsets, **windows):
        out[window] = x[pixel]
    return out


def flat_indices(offsets, shape, **windows):
    out = np.zeros(offsets.shape, np.int64)
    for window, (_, _, *pixel) in winners(offsets, **windows):
        out[window] = np.ravel_multi_index(pixel, shape[2:])
    return out


ROWS: list[Row] = []


# Max pooling: overlaps, gaps, lost tails and windows that hang over the end; all values negative
POOL_PARAMS = [
    {"kernel_size": (2, 3), "stride": stride, "padding": padding, "dilation": dilation, "ceil_mode": ceil_mode}
    for stride, padding, dilation, ceil_mode in itertools.product(
        [(2, 1), (3, 2)], [(0, 0), (1, 1)], [(1, 1), (2, 1)], [False, True]
    )
]
OVERLAPS = {"kernel_size": (3, 3), "stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "ceil_mode": False}
POOL_X, NEGATIVE = (2, 2, 6, 8), (-9.0, -1.0)


def rows_of_winners(rank, shape, params):
    """Rows of max pooling over images of a shape: values, winners and their positions, the gradient."""
    image = draw(np.random.default_rng(5), shape, *NEGATIVE)
    values, offsets = max_pool(image, **params)
    windows = {k: v for k, v in params.items() if k != "ceil_mode"}
    forward, winners_, grad = (getattr(pool, name.format(rank)) for name in WINNERS)
    return [
        Row(forward, lambda x, **p: max_pool(x, **p)[0], [shape], params, domain=NEGATIVE),
        Row(
            winners_,
            lambda x, values, **p: max_pool(x, **p, ceil_mode=params["ceil_mode"])[1],
            [image, values],
            windows,
        ),
        Row(
            grad,
            lambda g, x, _, **p: max_pool_scatter(g, offsets, x.shape, **p),
            [values.shape, image, values],
            windows,
        ),
        Row(pool._flat_indices, flat_indices, [offsets], {"shape": shape, **windows}),
    ]


WINNERS = "_max_pool{}d", "max_pool{}d_winners", "max_pool{}d_grad"
for x, params in [(POOL_X, p) for p in POOL_PARAMS] + [(x, OVERLAPS) for x in [POOL_X, (0, 2, 6, 8), (1, 1, 4, 5)]]:
    ROWS += [row for row in rows_of_winners(2, x, params) if row.id not in {other.id for other in ROWS}]
    offsets = max_pool(draw(np.random.default_rng(5), x, *NEGATIVE), **params)[1]
    windows = {k: v for k, v in params.items() if k != "ceil_mode"}
    if params["ceil_mode"] or params is OVERLAPS:
        ROWS.append(Row(pool.max_pool2d_scatter, max_pool_scatter, [offsets.shape, offsets], {"shape": x, **windows}))
        ROWS.append(Row(pool.max_pool2d_gather, max_pool_gather, [x, offsets], windows))
ROWS += [
    Row(
        pool.max_pool2d,
        lambda x, *, canonical=canonical, return_indices=False, **_: max_pool_flat(x, *canonical)[: 1 + return_indices],
        [(2, 1, 5, 6)],
        params,
    )
    for params, canonical in [
        ({"kernel_size": 2}, ((2, 2), (2, 2), (0, 0), (1, 1), False)),
        ({"kernel_size": (3, 2), "stride": 1, "padding": (1, 0)}, ((3, 2), (1, 1), (1, 0), (1, 1), False)),
        (
            {"kernel_size": 3, "stride": (2, 3), "ceil_mode": True, "return_indices": True},
            ((3, 3), (2, 3), (0, 0), (1, 1), True),
        ),
        ({"kernel_size": 2, "stride": 1, "dilation": 2, "padding": 1}, ((2, 2), (1, 1), (1, 1), (2, 2), False)),
    ]
]
ROWS.append(
    Row(
        pool.max_pool2d,
        lambda x, **_: tuple(r[0] for r in max_pool_flat(x[None], (2, 2), (1, 1), (0, 0), (1, 1), False)),
        [(2, 4, 3)],
        {"kernel_size": 2, "stride": 1, "return_indices": True},
    )
)


# Over 1 and 3 axes
for rank in (1, 3):
    for images, params in [
        (
            2,
            {
                "kernel_size": (2, 3, 2),
                "stride": (2, 1, 1),
                "padding": (1, 1, 0),
                "dilation": (1, 2, 1),
                "ceil_mode": True,
            },
        ),
        (
            1,
            {
                "kernel_size": (3, 2, 1),
                "stride": (1, 2, 2),
                "padding": (0, 1, 0),
                "dilation": (1, 1, 1),
                "ceil_mode": False,
            },
        ),
        (
            0,
            {
                "kernel_size": (2, 2, 2),
                "stride": (2, 2, 1),
                "padding": (0, 1, 1),
                "dilation": (2, 1, 1),
                "ceil_mode": False,
            },
        ),
    ]:
        params, x = first(rank, **params), (images, 2, *SPACE[rank])
        ROWS += rows_of_winners(rank, x, params)
        offsets = max_pool(draw(np.random.default_rng(5), x, *NEGATIVE), **params)[1]
        windows = {k: v for k, v in params.items() if k != "ceil_mode"}
        scatter, gather_ = getattr(pool, f"max_pool{rank}d_scatter"), getattr(pool, f"max_pool{rank}d_gather")
        ROWS.append(Row(scatter, max_pool_scatter, [offsets.shape, offsets], {"shape": x, **windows}))
        ROWS.append(Row(gather_, max_pool_gather, [x, offsets], windows))
    for flag in (False, True):
        ROWS.append(
            Row(
                getattr(pool, f"max_pool{rank}d"),
                lambda x, *, rank=rank, flag=flag, **_: max_pool_flat(
                    x, (2,) * rank, (2,) * rank, (1,) * rank, (1,) * rank, flag
                )[: 1 + flag],
                [(1, 2, *SPACE[rank])],
                {"kernel_size": 2, "padding": 1, "ceil_mode": flag, "return_indices": flag},
            )
        )
    ROWS.append(
        Row(
            getattr(pool, f"max_pool{rank}d"),
            lambda x, *, r=rank, **_: max_pool_flat(x, (3, 2, 2)[:r], (2,) * r, (0,) * r, (1, 2, 1)[:r], False)[0],
            [(1, 2, *SPACE[rank])],
            {"kernel_size": (3, 2, 2)[:rank], "stride": 2, "padding": 0, "dilation": (1, 2, 1)[:rank]},
        )
    )
