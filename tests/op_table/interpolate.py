"""Rows of resizing."""

from tensorgrad.ops import interpolate
from tests import naive

from .row import Row


def interpolate_adjoint(gy, shape, **params):
    return naive.adjoint(lambda x: naive.interpolate(x, gy.shape[2:], **params), shape, gy)


ROWS: list[Row] = []

# Up, down, by a factor that is no quotient of the sizes, to and from one pixel
for rank in (1, 2, 3):
    x = (1, 2, *(5, 4, 3)[:rank])
    for size, mode, align_corners, scales in [
        ((8, 3, 6), "nearest", False, None),
        ((3, 9, 2), "nearest", False, (0.7, 2.3, 0.8)),
        ((7, 2, 4), "nearest-exact", False, None),
        ((7, 3, 6), "linear", False, None),
        ((2, 9, 1), "linear", False, (0.47, 2.3, 0.4)),
        ((8, 1, 3), "linear", True, None),
        ((9, 6, 2), "cubic", False, None),
        ((3, 7, 5), "cubic", True, None),
    ]:
        if rank == 3 and mode == "cubic":
            continue
        params = {"mode": mode, "align_corners": align_corners, "scales": scales and scales[:rank]}
        gy = (1, 2, *size[:rank])
        ROWS.append(Row(interpolate._interpolate, naive.interpolate, [x], {"size": size[:rank], **params}))
        ROWS.append(
            Row(
                interpolate.interpolate_adjoint,
                interpolate_adjoint,
                [gy],
                {"shape": x, **params},
            )
        )
for x, size in [((0, 2, 3), (5,)), ((2, 1, 1), (4,))]:
    params = {"mode": "linear", "align_corners": False, "scales": None}
    ROWS.append(Row(interpolate._interpolate, naive.interpolate, [x], {"size": size, **params}))
ROWS += [
    Row(interpolate.interpolate, lambda x, *, c=canonical, **_: naive.interpolate(x, *c), [x], params)
    for x, params, canonical in [
        ((1, 2, 3, 4), {"size": 5}, ((5, 5), "nearest", False, None)),
        ((1, 2, 3), {"scale_factor": 2.5}, ((7,), "nearest", False, (2.5,))),
        ((1, 2, 3), {"scale_factor": 2.5, "recompute_scale_factor": True}, ((7,), "nearest", False, None)),
        ((1, 2, 3), {"size": (5,), "mode": "linear", "align_corners": True}, ((5,), "linear", True, None)),
        ((1, 2, 3, 4), {"size": (2, 7), "mode": "bilinear"}, ((2, 7), "linear", False, None)),
        ((1, 2, 3, 4), {"scale_factor": (2, 0.6), "mode": "bilinear"}, ((6, 2), "linear", False, (2.0, 0.6))),
        ((1, 1, 3, 2, 2), {"scale_factor": 1.5, "mode": "trilinear"}, ((4, 3, 3), "linear", False, (1.5,) * 3)),
        ((1, 1, 4, 3), {"size": (6, 5), "mode": "bicubic"}, ((6, 5), "cubic", False, None)),
        ((1, 1, 4, 3), {"size": 5, "mode": "nearest-exact"}, ((5, 5), "nearest-exact", False, None)),
    ]
]
ROWS.append(
    Row(
        interpolate.interpolate,
        lambda x, **_: naive.adaptive_avg_pool(x, (2, 3)),
        [(1, 2, 5, 4)],
        {"size": (2, 3), "mode": "area"},
    )
)
