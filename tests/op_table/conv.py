"""Rows of convolution and of transposed convolution."""

import itertools

from tensorgrad.ops import conv, conv_transpose
from tests import naive

from .row import Row


def conv2d(x, w, bias, stride, padding, dilation, groups):
    return plus_bias(naive.conv(x, w, stride, padding, dilation, groups), bias)


def plus_bias(y, bias):
    return y if bias is None else y + bias.reshape(-1, *[1] * (y.ndim - 2))


ROWS: list[Row] = []

# Convolution: lost tails in both axes at every stride but 1, unequal kernel sides
CONV_X, CONV_K = (2, 4, 8, 6), (3, 2)
CONV_PARAMS = [
    {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    for stride, padding, dilation, groups in itertools.product(
        [(1, 1), (2, 3)], [((0, 0), (0, 0)), ((1, 1), (0, 1))], [(1, 1), (2, 1)], [1, 2, 4]
    )
]


def conv_shapes(params, x=CONV_X, filters=4):
    w = (filters, x[1] // params["groups"], *CONV_K)
    size = naive.conv_size(x, w, params["stride"], params["padding"], params["dilation"])
    return x, w, (x[0], filters, *size)


for number, params in enumerate(CONV_PARAMS):
    x, w, y = conv_shapes(params)
    ROWS.append(Row(conv._conv2d, conv2d, [x, w, (4,) if number % 2 else None], params))
    if number % 3 == 0 or params["groups"] == 2:
        ROWS.append(Row(conv.conv2d_input_grad, naive.conv_input_grad, [y, w], {"shape": x, **params}))
        ROWS.append(Row(conv.conv2d_weight_grad, naive.conv_weight_grad, [y, x], {"shape": w, **params}))
for x, filters in [((0, 4, 8, 6), 4), ((1, 2, 3, 2), 6)]:
    params = {"stride": (2, 1), "padding": ((1, 2), (1, 0)), "dilation": (1, 2), "groups": 2}
    x, w, y = conv_shapes(params, x, filters)
    ROWS.append(Row(conv._conv2d, conv2d, [x, w, (filters,)], params))
    ROWS.append(Row(conv.conv2d_input_grad, naive.conv_input_grad, [y, w], {"shape": x, **params}))
    ROWS.append(Row(conv.conv2d_weight_grad, naive.conv_weight_grad, [y, x], {"shape": w, **params}))
ROWS += [  # one pixel and pointwise kernels; the public function's spellings
    Row(
        conv._conv2d,
        conv2d,
        [(2, 3, 4, 3), (2, 3, 1, 1), None],
        {"stride": s, "padding": p, "dilation": (1, 1), "groups": 1},
    )
    for s, p in [((1, 1), ((0, 0), (0, 0))), ((2, 2), ((0, 0), (0, 0))), ((1, 1), ((1, 0), (0, 0)))]
]
ROWS += [
    Row(
        conv.conv2d,
        lambda x, w, b=None, *, canonical=canonical, **_: conv2d(x, w, b, *canonical),
        [(1, 2, 6, 5), (4, 2 // canonical[3], 3, 2), *bias],
        params,
    )
    for params, canonical, bias in [
        ({}, ((1, 1), ((0, 0), (0, 0)), (1, 1), 1), []),
        ({"stride": 2, "padding": 1}, ((2, 2), ((1, 1), (1, 1)), (1, 1), 1), [(4,)]),
        ({"stride": (2, 1), "padding": (1, 0), "groups": 2}, ((2, 1), ((1, 1), (0, 0)), (1, 1), 2), [(4,)]),
        ({"padding": "same"}, ((1, 1), ((1, 1), (0, 1)), (1, 1), 1), []),
        ({"padding": "same", "dilation": (2, 3)}, ((1, 1), ((2, 2), (1, 2)), (2, 3), 1), [None]),
        ({"padding": "valid", "dilation": 2}, ((1, 1), ((0, 0), (0, 0)), (2, 2), 1), []),
    ]
]
ROWS.append(
    Row(
        conv.conv2d,
        lambda x, w, b, **_: conv2d(x[None], w, b, (1, 1), ((1, 1), (1, 1)), (1, 1), 1)[0],
        [(2, 5, 4), (3, 2, 3, 2), (3,)],
        {"padding": 1},
    )
)


# The other numbers of spatial axes, and transposed convolution, over parameters chosen for the first so many axes
SPACE = {1: (7,), 2: (7, 5), 3: (4, 5, 3)}


def first(rank, **params):
    """The parameters for the first `rank` axes."""
    return {k: v[:rank] if isinstance(v, tuple) else v for k, v in params.items()}


for rank in (1, 2, 3):
    plain, gx, gw, transposed = (
        getattr(conv, f"_conv{rank}d"),
        getattr(conv, f"conv{rank}d_input_grad"),
        getattr(conv, f"conv{rank}d_weight_grad"),
        getattr(conv_transpose, f"_conv_transpose{rank}d"),
    )
    for images, params in [
        (1, {"stride": (2, 1, 2), "padding": ((1, 0), (0, 1), (1, 1)), "dilation": (1, 2, 1), "groups": 2}),
        (1, {"stride": (1, 2, 1), "padding": ((0, 0), (0, 0), (0, 0)), "dilation": (2, 1, 1), "groups": 1}),
        (0, {"stride": (3, 1, 1), "padding": ((1, 1), (1, 2), (0, 0)), "dilation": (1, 1, 1), "groups": 1}),
        (1, {"stride": (1, 1, 1), "padding": ((1, -1), (0, 0), (1, -1)), "dilation": (2, 1, 2), "groups": 2}),
    ]:
        params = first(rank, **params)
        x = (images, 2, *SPACE[rank])
        w = (2, 2 // params["groups"], *(2, 3, 2)[:rank])
        y = (images, 2, *naive.conv_size(x, w, params["stride"], params["padding"], params["dilation"]))
        shaped = {"shape": x, **params}
        if rank != 2:
            ROWS.append(Row(plain, conv2d, [x, w, (2,) if images else None], params))
        if rank != 2 or any(after < 0 for _, after in params["padding"]):
            ROWS.append(Row(gx, naive.conv_input_grad, [y, w], shaped))
            ROWS.append(Row(gw, naive.conv_weight_grad, [y, x], {"shape": w, **params}))
        for bias in (None, (2,)):
            ROWS.append(
                Row(
                    transposed,
                    lambda y, w, b, **p: plus_bias(naive.conv_input_grad(y, w, **p), b),
                    [y, w, bias],
                    shaped,
                )
            )
    for params, bias, canonical in [
        ({}, None, ((1,) * rank, ((0, 0),) * rank, (1,) * rank, 1)),
        ({"stride": 2, "padding": 1, "groups": 2}, (4,), ((2,) * rank, ((1, 1),) * rank, (1,) * rank, 2)),
        (
            {"stride": 2, "padding": ((1, 0), (0, 1), (2, 1))[:rank], "dilation": 2},
            (4,),
            ((2,) * rank, ((1, 0), (0, 1), (2, 1))[:rank], (2,) * rank, 1),
        ),
    ]:
        x, w = (1, 4, *SPACE[rank]), (4, 4 // canonical[-1], *(3, 2, 2)[:rank])
        y = (1, 4, *naive.conv_size(x, w, *canonical[:3]))
        if rank != 2 or "dilation" in params:
            ROWS.append(
                Row(
                    getattr(conv, f"conv{rank}d"),
                    lambda x, w, b, *, c=canonical, **_: conv2d(x, w, b, *c),
                    [x, w, bias],
                    params,
                )
            )
        # Of the sizes that give y, the first; with output_padding the others.
        axes = zip(y[2:], w[2:], *canonical[:3], strict=True)
        size = [(n - 1) * s - sum(p) + d * (k - 1) + 1 for n, k, s, p, d in axes]
        for extra in range(canonical[0][0]):
            ROWS.append(
                Row(
                    getattr(conv_transpose, f"conv_transpose{rank}d"),
                    lambda y, w, b, *, shape=(1, 4, *(n + extra for n in size)), c=canonical, **_: plus_bias(
                        naive.conv_input_grad(y, w, shape, *c), b
                    ),
                    [y, w, bias],
                    {**params, "output_padding": extra},
                )
            )
