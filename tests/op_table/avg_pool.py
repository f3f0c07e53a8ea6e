"""Rows of average pooling, and of adaptive pooling."""

import numpy as np

from tensorgrad.ops import adaptive_pool, pool
from tests import naive

from .conv import SPACE
from .max_pool import pool_size
from .row import Row

KINKS = {
    "adaptive_max_pool1d": "on ties the first value in reading order takes the gradient, of several nan the last",
    "adaptive_max_pool2d": "on ties the first value in reading order takes the gradient, of several nan the last",
    "adaptive_max_pool3d": "on ties the first value in reading order takes the gradient, of several nan the last",
}


def avg_pool(x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    size = pool_size(x.shape[2:], kernel_size, stride, padding, (1,) * len(kernel_size), ceil_mode)
    return naive.avg_pool(x, kernel_size, stride, padding, size, count_include_pad, divisor_override)


def avg_pool_adjoint(gy, shape, **params):
    return naive.adjoint(lambda x: avg_pool(x, **params), shape, gy)


def adaptive_avg_pool_adjoint(gy, shape):
    return naive.adjoint(lambda x: naive.adaptive_avg_pool(x, gy.shape[2:]), shape, gy)


ROWS: list[Row] = []

for rank in (1, 2, 3):
    forward, adjoint = getattr(pool, f"_avg_pool{rank}d"), getattr(pool, f"avg_pool{rank}d_adjoint")
    for images, sizes, (ceil_mode, count_include_pad, divisor_override) in [
        (1, ((2, 3, 2), (2, 1, 1), (1, 1, 0)), (True, True, None)),
        (1, ((2, 3, 2), (2, 2, 2), (1, 1, 1)), (True, False, None)),
        (2, ((3, 2, 2), (1, 1, 2), (0, 0, 1)), (False, True, 5)),
        (0, ((2, 2, 2), (3, 2, 1), (1, 0, 1)), (False, False, -2)),
    ]:
        params = dict(zip(("kernel_size", "stride", "padding"), (v[:rank] for v in sizes), strict=True))
        params |= {"ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "divisor_override": divisor_override}
        x = (images, 1, *SPACE[rank])
        y = avg_pool(np.zeros(x), **params).shape
        ROWS.append(Row(forward, avg_pool, [x], params))
        ROWS.append(
            Row(
                adjoint,
                avg_pool_adjoint,
                [y],
                {"shape": x, **params},
            )
        )
    for params, canonical in [
        ({"kernel_size": 2}, (2, 2, 0, False, True)),
        (
            {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
            (3, 2, 1, True, False),
        ),
    ]:
        for lead in [(1, 2), (2,)]:
            ROWS.append(
                Row(
                    getattr(pool, f"avg_pool{rank}d"),
                    lambda x, *, rank=rank, lead=lead, c=canonical, **_: avg_pool(
                        x.reshape(1, 2, *x.shape[-rank:]), *((v,) * rank for v in c[:3]), *c[3:], None
                    )[0 if lead == (2,) else ...],
                    [(*lead, *SPACE[rank])],
                    params,
                )
            )

    if rank != 1:  # PyTorch has none for sequences
        ROWS.append(
            Row(
                getattr(pool, f"avg_pool{rank}d"),
                lambda x, *, r=rank, **_: avg_pool(x, (2,) * r, (2,) * r, (1,) * r, True, True, 3),
                [(1, 2, *SPACE[rank])],
                {"kernel_size": 2, "padding": 1, "ceil_mode": True, "divisor_override": 3},
            )
        )

# Adaptive pooling: windows that tile, overlap, repeat pixels
for rank in (1, 2, 3):
    forward, adjoint, largest = (
        getattr(adaptive_pool, f"_adaptive_avg_pool{rank}d"),
        getattr(adaptive_pool, f"adaptive_avg_pool{rank}d_adjoint"),
        getattr(adaptive_pool, f"_adaptive_max_pool{rank}d"),
    )
    for images, size in [(1, (1, 5, 2)), (1, (3, 2, 4)), (0, (2, 3, 1)), (2, (9, 1, 1)), (1, (7, 0, 3))]:
        x, size = (images, 2, *SPACE[rank]), size[:rank]
        ROWS.append(Row(forward, naive.adaptive_avg_pool, [x], {"output_size": size}))
        ROWS.append(
            Row(
                adjoint,
                adaptive_avg_pool_adjoint,
                [(images, 2, *size)],
                {"shape": x},
            )
        )
        ROWS.append(Row(largest, naive.adaptive_max_pool, [x], {"output_size": size}))
    ROWS += [
        Row(
            getattr(adaptive_pool, f"adaptive_{kind}_pool{rank}d"),
            lambda x, *, rank=rank, size=size, reference=reference, **_: reference(
                x, tuple(m or n for m, n in zip(size, x.shape[2:], strict=True))
            ),
            [(1, 2, *SPACE[rank])],
            {"output_size": 3 if set(size) == {3} else size, **params},
        )
        for kind, reference, params in [
            ("avg", naive.adaptive_avg_pool, {}),
            ("max", naive.adaptive_max_pool, {"return_indices": True}),
            ("max", lambda x, size: naive.adaptive_max_pool(x, size)[0], {}),
        ]
        for size in [(3,) * rank, (None, 4, 2)[:rank]]
    ]
