"""Convolution, pooling, padding, folding and resizing against PyTorch over products of their parameters.

Values, indices, gradients and second order, in float64 and float32. Where PyTorch refuses a call, so do we.
"""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import tensorgrad as tg
from tests.op_table import F32, F64, as_tuple
from tests.parity import tally

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning"),
]

SPACE = {1: (7,), 2: (7, 6), 3: (5, 4, 6)}
BOTH = pytest.mark.parametrize("dtype", [F64, F32], ids=["float64", "float32"])
RANKS = pytest.mark.parametrize("rank", [1, 2, 3])


def product(**choices):
    """Every combination, as keyword arguments."""
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def unlike(rank, number):
    """A different number for each axis, counting up."""
    return tuple(number + axis % 2 for axis in range(rank))


def compare_all(name, cases, dtype, least):
    """Call both for every (input shapes, arguments, keywords); at least so many must be what PyTorch takes."""
    ours, theirs = getattr(tg, name), getattr(F, name)
    accepted = sum(agree(ours, theirs, number, *case, dtype) for number, case in enumerate(cases))
    assert accepted >= least


def agree(ours, theirs, seed, shapes, args, kwargs, dtype):
    """Whether PyTorch takes the call; if so, that we give the same, and that we refuse it if not."""
    rng = np.random.default_rng(seed)
    arrays = [None if s is None else rng.permutation(np.linspace(-2, 2, int(np.prod(s)))).reshape(s) for s in shapes]
    arrays = [None if a is None else a.astype(dtype) for a in arrays]
    tensors = [None if a is None else tg.tensor(a, requires_grad=True) for a in arrays]
    others = [None if a is None else torch.tensor(a, requires_grad=True) for a in arrays]
    told = f"{shapes} {args} {kwargs}"
    try:
        right = as_tuple(theirs(*others, *args, **kwargs))
    except (RuntimeError, ValueError, TypeError):
        assert is_refused(ours, *tensors, *args, **kwargs), f"PyTorch refuses {told}"
        tally.count("refused by both")
        return False
    results = as_tuple(ours(*tensors, *args, **kwargs))
    tensors, others = [t for t in tensors if t is not None], [t for t in others if t is not None]
    g = rng.standard_normal(right[0].shape).astype(dtype)
    ours_g, theirs_g = tg.tensor(g, requires_grad=True), torch.tensor(g, requires_grad=True)
    first = tg.grad(results[0], tensors, ours_g, create_graph=True)
    torch_first = torch.autograd.grad(right[0], others, theirs_g, create_graph=True)
    targets, torch_targets = [*tensors, ours_g], [*others, theirs_g]
    second = tg.grad(sum((f * f).sum() for f in first), targets, allow_unused=True)
    torch_second = torch.autograd.grad(sum((f * f).sum() for f in torch_first), torch_targets, allow_unused=True)
    assert len(results) == len(right)
    for what, one, other in zip(
        itertools.chain(["value", "indices"][: len(right)], ["gradient"] * len(first), ["second"] * len(second)),
        (*results, *first, *second),
        (*right, *torch_first, *torch_second),
        strict=True,
    ):
        if one is None or other is None:
            given = other if one is None else one
            assert given is None or not np.any(given.detach().numpy()), f"{what}: {told}"
            continue
        one, other = one.detach().numpy(), other.detach().numpy()
        assert (one.shape, one.dtype) == (other.shape, other.dtype), f"{what}: {told}"
        scale = float(np.max(np.abs(other), initial=0))
        rtol = 1e-12 if dtype == F64 else 2e-5
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol * scale, err_msg=f"{what}: {told}")
    tally.count(*tally.ALL)
    return True


def is_refused(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except tg.TensorgradError:
        return True
    return False


# Convolution


@BOTH
@RANKS
def test_conv(rank, dtype):
    kernel = (3, 2, 2)[:rank]
    cases = []
    for p in product(
        stride=[1, unlike(rank, 2)],
        padding=[0, unlike(rank, 1), "same", "valid"],
        dilation=[1, unlike(rank, 1)],
        groups=[1, 2, 4],
    ):
        weight = (4, 4 // p["groups"], *kernel)
        for lead, bias in [((2, 4), (4,)), ((4,), None), ((0, 4), (4,))]:
            cases.append(([(*lead, *SPACE[rank]), weight, bias], (), p))
    cases.append(([(1, 2, *SPACE[rank]), (3, 2, *kernel), (3,)], (2, 1, 1, 1), {}))
    cases.append(([(1, 2, *SPACE[rank]), (3, 2, *kernel), (3,)], ((2,), [1]), {}))
    cases.append(([(1, 3, *SPACE[rank]), (3, 2, *kernel), (3,)], (), {}))
    compare_all(f"conv{rank}d", cases, dtype, least=120)


@BOTH
@RANKS
def test_conv_transpose(rank, dtype):
    kernel, space = (3, 3, 2)[:rank], (4, 3, 3)[:rank]
    cases = []
    for p in product(
        stride=[1, 2, unlike(rank, 2)],
        padding=[0, unlike(rank, 1)],
        output_padding=[0, 1, unlike(rank, 1)],
        groups=[1, 2],
        dilation=[1, unlike(rank, 2)],
    ):
        weight = (4, 3, *kernel)
        leads = [((2, 4), (3 * p["groups"],)), ((4,), None)]
        if p["padding"] == 0 and p["output_padding"] == 0:
            leads.append(((0, 4), None))  # an empty batch, of which PyTorch does not check the sizes
        cases += [([(*lead, *space), weight, bias], (), p) for lead, bias in leads]
    cases.append(([(1, 2, *space), (2, 1, *kernel), (3,)], (3, 1, 2, 1, 1), {}))
    cases.append(([(1, 2, *space), (2, 3, *kernel), (3,)], (3, 1, 2, 1, 1), {}))
    cases.append(([(1, 2, *space), (2, 2, *[1] * rank), (2,)], (1, 2), {}))  # nothing is left
    cases.append(([(1, 2, *space), (2, 2, *[1] * rank), (2,)], (1, 0, 1, 1, 2), {}))  # pointwise, with room at the end
    cases.append(([(1, 2, *space), (2, 2, *[1] * rank), (2,)], (3, 1), {}))
    cases.append(([(2, 1, *[1] * rank), (1, 1, *[1] * rank), None], (1, 3, 6, 1, 7), {}))  # only padding is left
    compare_all(f"conv_transpose{rank}d", cases, dtype, least=130)


# Pooling


@BOTH
@RANKS
def test_max_pool(rank, dtype):
    choices = product(
        kernel_size=[2, unlike(rank, 2)[::-1]],
        stride=[None, 1, unlike(rank, 2)],
        padding=[0, 1],
        dilation=[1, unlike(rank, 1)],
        ceil_mode=[False, True],
        return_indices=[False, True],
    )
    cases = [([(*lead, *SPACE[rank])], (), p) for p in choices for lead in [(2, 2), (2,), (0, 2)]]
    cases.append(([(1, 2, *SPACE[rank])], (2, 2, 1, 1, True), {}))
    cases.append(([(1, 2, *SPACE[rank])], (2, 2, 2), {}))
    cases.append(([(1, 2, *SPACE[rank])], ([2], []), {}))
    compare_all(f"max_pool{rank}d", cases, dtype, least=250)


@BOTH
@RANKS
def test_avg_pool(rank, dtype):
    choices = product(
        kernel_size=[2, 3, unlike(rank, 2)],
        stride=[None, 1, unlike(rank, 2)],
        padding=[0, 1],
        ceil_mode=[False, True],
        count_include_pad=[False, True],
        **({} if rank == 1 else {"divisor_override": [None, 5, -2, 0]}),
    )
    cases = [([(*lead, *SPACE[rank])], (), p) for p in choices for lead in [(2, 2), (2,), (0, 2)]]
    cases.append(([(1, 2, *SPACE[rank])], (2, 2, 1, True, False), {}))
    cases.append(([(1, 2, *SPACE[rank])], (8, 2), {}))
    compare_all(f"avg_pool{rank}d", cases, dtype, least={1: 200, 2: 600, 3: 600}[rank])


@BOTH
@RANKS
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive_pool(kind, rank, dtype):
    sizes = [*range(1, 10), (5, 3, 2)[:rank], (1, 9, 4)[:rank], (2, 2, 7)[:rank]]
    sizes += [(None, 3, None)[:rank], (3, None, 2)[:rank]] if rank > 1 else []
    flags = [{}, {"return_indices": True}] if kind == "max" else [{}]
    cases = [
        ([(*lead, *space)], (size,), p)
        for size in sizes
        for p in flags
        for lead in [(2, 2), (2,), (0, 2)]
        for space in [SPACE[rank], (4, 8, 3)[:rank], (1, 5, 1)[:rank]]
    ]
    cases.append(([(1, 1, *[0] * rank)], (2,), {}))
    cases.append(([(1, 1, *SPACE[rank])], ((1,) * (rank + 1),), {}))
    compare_all(f"adaptive_{kind}_pool{rank}d", cases, dtype, least={"avg": 100, "max": 200}[kind])


# Padding, folding, resizing


@BOTH
@RANKS
@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_pad(mode, rank, dtype):
    pairs = [(0, 0), (1, 2), (3, 0), (-1, 2), (2, -1), (-1, -2), (4, 1)]
    cases = []
    for number, chosen in enumerate(itertools.product(pairs, repeat=rank)):
        if rank == 3 and number % 5:
            continue
        value = [{}, {"value": 1.5}][number % 2] if mode == "constant" else {}
        widths = tuple(itertools.chain(*chosen))
        cases += [([(*lead, *SPACE[rank])], (widths, mode), value) for lead in [(2, 2), (2,), (0, 2)]]
    cases += [([(1, 1, *[4] * rank)], ((w, 0) * rank, mode), {}) for w in [3, 4, 5]]
    cases.append(([(2, 1, *SPACE[rank])], ((1, 1, 1), mode), {}))
    compare_all("pad", cases, dtype, least={1: 20, 2: 140, 3: 180}[rank])


@BOTH
def test_pad_with_zeros_any_axes(dtype):
    cases = [
        ([shape], (widths,), {})
        for shape in [(3,), (2, 3), (2, 0, 3), (2, 3, 4, 5)]
        for widths in [
            (),
            (1, 2),
            (-1, 2),
            (-3, 0),
            (-3, 1),
            (-4, 2),
            (2, -4),
            (1, -3),
            (-3, -1),
            (1, 1, 0, 2),
            (0, 0, 1, 1),
            (1, 1, 2, 2, 3, 3),
        ]
    ]
    cases.append(([(2,)], ((1, 1), "edge"), {}))
    cases.append(([(1, 1, 2)], ((1, 1), "reflect", 2.0), {}))
    compare_all("pad", cases, dtype, least=35)


WINDOWS = product(
    kernel_size=[2, (3, 2)], dilation=[1, (1, 2)], padding=[0, (1, 2), 3], stride=[1, 2, (3, 1)]
)  # fmt: skip


@BOTH
def test_unfold(dtype):
    cases = [([(*lead, 7, 6)], (), p) for p in WINDOWS for lead in [(2, 3), (3,), (0, 3)]]
    cases += [([(1, 2, 7, 6)], (3, 2, 1, 2), {}), ([(1, 2, 2, 6)], (3,), {})]
    compare_all("unfold", cases, dtype, least=100)


@BOTH
def test_fold(dtype):
    cases = []
    for p in WINDOWS:
        columns = F.unfold(torch.zeros(2, 3, 7, 6), **p).shape
        for shape in [columns, columns[1:], (0, *columns[1:]), (2, columns[1] + 1, columns[2]), (*columns[:2], 1)]:
            cases.append(([tuple(shape)], ((7, 6),), p))
    cases += [([(1, 8, 25)], (6, 2), {}), ([(1, 8, 25)], (6, 2, 1, 0, 1), {}), ([(8,)], (6, 2), {})]
    compare_all("fold", cases, dtype, least=100)


MODES = {
    1: ["nearest", "nearest-exact", "linear", "area"],
    2: ["nearest", "nearest-exact", "bilinear", "bicubic", "area"],
}
MODES[3] = ["nearest", "nearest-exact", "trilinear", "area"]


@BOTH
@RANKS
def test_interpolate(rank, dtype):
    sizes = [1, 2, 3, 4, 5, 6, 7, 8, 11, 14, (3, 12, 2)[:rank], (2,) * (rank + 1), 0, (0, 3, 2)[:rank]]
    factors = [0.3, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, (0.6, 1.7, 2.3)[:rank], 0.01, -1.0]
    cases = []
    for mode in [*MODES[rank], MODES[rank % 3 + 1][-2], "cubic"]:
        for align in [None, False, True]:
            for lead in [(2, 2), (0, 2)]:
                # To no pixels "area" goes in PyTorch, but not back.
                some = slice(None, -2) if mode == "area" else slice(None)
                shape, fixed = (*lead, *SPACE[rank]), {"mode": mode, "align_corners": align}
                cases += [([shape], (), {"size": size, **fixed}) for size in sizes[some]]
                for recompute in [None, False, True]:
                    p = {**fixed, "recompute_scale_factor": recompute}
                    cases += [([shape], (), {"scale_factor": factor, **p}) for factor in factors[some]]
    cases += [([(1, 1, *SPACE[rank])], (4,), {"recompute_scale_factor": True})]
    cases += [([(1, 1, *SPACE[rank])], (), {}), ([(1, 1, *SPACE[rank])], (4, 2.0), {})]
    cases += [([SPACE[rank]], (4,), {})] if rank < 3 else []
    compare_all("interpolate", cases, dtype, least=450)


@BOTH
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear"])
def test_interpolate_at_every_pair_of_sizes(mode, dtype):
    """Where a pixel falls on the border of two is decided by rounding, which differs between float32 and float64."""
    for n in range(1, 33):
        x = np.arange(n, dtype=dtype).reshape(1, 1, n) ** 2
        for out in range(1, 70):
            got = tg.interpolate(tg.tensor(x), out, mode=mode).numpy()
            right = F.interpolate(torch.tensor(x), out, mode=mode).numpy()
            rtol = 1e-5 if dtype == F32 else 1e-12
            np.testing.assert_allclose(got, right, rtol=rtol, atol=rtol * n * n, err_msg=f"{n} to {out}")
            tally.count("values")


@BOTH
@RANKS
def test_interpolate_by_factors_that_are_no_quotient_of_sizes(rank, dtype):
    """Also such as keep or double the size. Not where PyTorch's values and gradients differ: docs/conventions.md."""
    rng = np.random.default_rng(rank)
    cases = []
    for mode in MODES[rank]:
        for _ in range(40):
            shape = tuple(int(n) for n in rng.integers(3, 20, rank))
            low = rng.choice([0.3, 1.0, 1.0, 2.0], rank)
            factor = tuple(float(s) for s in low + rng.choice([0.0, 0.04, 0.3, 1.0], rank) * rng.random(rank))
            pairs = [(n, int(n * s)) for n, s in zip(shape, factor, strict=True)]
            if any(n < 1 for _, n in pairs):
                continue
            if mode == "nearest" and rank != 2 and any(out in (n, 2 * n) for n, out in pairs):
                continue
            if mode == "bicubic" and all(n == out for n, out in pairs):
                continue
            cases.append(([(1, 2, *shape)], (), {"scale_factor": factor, "mode": mode}))
    compare_all("interpolate", cases, dtype, least=90)
