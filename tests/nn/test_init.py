"""Initialisers beyond those that test_layers.py holds: their structure, their distributions, and PyTorch's."""

import math
import re

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import init
from tests.parity import tally


def rng():
    return np.random.default_rng(0)


def ks_distance(a, b):
    """The largest difference between the distribution functions of two samples (Kolmogorov and Smirnov)."""
    a, b = np.sort(np.ravel(a)), np.sort(np.ravel(b))
    both = np.concatenate([a, b])
    at = np.searchsorted
    return np.abs(at(a, both, side="right") / a.size - at(b, both, side="right") / b.size).max()


@pytest.mark.parametrize("a, b", [(-2, 2), (-0.1, 3), (0.5, 0.6), (4, 9), (-9, -4), (-math.inf, 1)])
@pytest.mark.parametrize("mean, std", [(0, 1), (1, 0.5)])
def test_truncated_normal(a, b, mean, std):
    tensor = init.trunc_normal_(tg.zeros(100, 200), mean, std, mean + a * std, mean + b * std, rng())
    values = (tensor.data.ravel() - mean) / std
    assert values.min() >= a - 1e-5
    assert values.max() <= b + 1e-5

    def below(x):
        return (
            math.erf(x / math.sqrt(2))
            if abs(a) in (2, 0.1, 0.5, math.inf)
            else math.copysign(math.erfc(abs(x) / math.sqrt(2)), -x)
        )

    for x in np.quantile(values, [0.1, 0.3, 0.5, 0.7, 0.9]):
        expected = (below(x) - below(a)) / (below(b) - below(a))
        assert (values <= x).mean() == pytest.approx(expected, abs=0.02)


def test_truncated_normal_repeats_and_keeps_the_dtype():
    first = init.trunc_normal_(tg.zeros(50, dtype=np.float64), generator=rng())
    assert first.dtype == np.float64
    assert first.tolist() == init.trunc_normal_(tg.zeros(50, dtype=np.float64), generator=rng()).tolist()
    assert init.trunc_normal_(tg.zeros(0, 3)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (7, 3), (4, 2, 3, 3), (30, 2, 3, 3)])
def test_orthogonal_matrices(shape):
    p = nn.Parameter(np.zeros(shape))
    assert init.orthogonal_(p, 2.0, rng()) is p
    matrix = p.data.reshape(shape[0], -1) / 2
    matrix = matrix if shape[0] <= matrix.shape[1] else matrix.T
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-12)


def test_orthogonal_matrices_have_no_preferred_direction():
    signs = [np.linalg.det(init.orthogonal_(tg.zeros(2, 2, dtype=np.float64), generator=g).data) for g in [rng()] * 400]
    assert 120 < (np.array(signs) > 0).sum() < 280
    first = np.array([init.orthogonal_(tg.zeros(3, 3), generator=g).data[0, 0] for g in [rng()] * 1000])
    assert abs(first.mean()) < 0.07
    assert (first**2).mean() == pytest.approx(1 / 3, abs=0.04)


def test_eye_and_dirac_pass_their_input_on():
    layer = nn.Linear(3, 5, bias=False)
    init.eye_(layer.weight)
    assert layer(tg.tensor([1.0, 2.0, 3.0])).tolist() == [1, 2, 3, 0, 0]
    for groups in (1, 2):
        layer = nn.Conv2d(4, 4, (3, 4), padding="same", groups=groups, bias=False)
        init.dirac_(layer.weight, groups)
        x = tg.randn(2, 4, 5, 6)
        # An even kernel has no middle: position 4 // 2 of padding 1 before and 2 behind is one to the right.
        np.testing.assert_array_equal(layer(x).data[..., :-1], x.data[..., 1:])
    assert init.dirac_(tg.zeros(2, 3, 3)).tolist() == [[[0, 1, 0], [0] * 3, [0] * 3], [[0] * 3, [0, 1, 0], [0] * 3]]
    assert init.dirac_(tg.zeros(3, 2, 1, 1, 3)).data.sum() == 2


def test_sparse_matrices():
    tensor = init.sparse_(tg.zeros(200, 50), 0.333, std=2.0, generator=rng())
    zeros = tensor.data == 0
    assert (zeros.sum(0) == 67).all()
    assert len({tuple(column) for column in zeros.T}) == 50
    assert tensor.data[~zeros].std() == pytest.approx(2, rel=0.03)
    assert (init.sparse_(tg.ones(3, 2), 1.0).data == 0).all()
    assert (init.sparse_(tg.zeros(3, 2), 0.0).data != 0).all()


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: init.eye_(tg.zeros(3)), "eye_: 2 axes are needed, got shape (3,)"),
        (lambda: init.dirac_(tg.zeros(3, 3)), "dirac_: 3, 4 or 5 axes are needed, got shape (3, 3)"),
        (
            lambda: init.dirac_(tg.zeros(3, 3, 1), 2),
            "dirac_: groups=2 does not divide the 3 filters of (3, 3, 1)",
        ),
        (lambda: init.orthogonal_(tg.zeros(3)), "orthogonal_: at least 2 axes are needed, got shape (3,)"),
        (lambda: init.sparse_(tg.zeros(3), 0.5), "sparse_: 2 axes are needed, got shape (3,)"),
        (lambda: init.sparse_(tg.zeros(3, 3), 2), "sparse_: sparsity must be a share from 0 to 1, got 2"),
        (lambda: init.trunc_normal_(tg.zeros(3), a=2, b=1), "trunc_normal_: a must be below b, got 2 and 1"),
        (lambda: init.xavier_normal_(tg.zeros(3)), "xavier_normal_: a weight of shape (3,) has no fan in and fan out"),
        (lambda: init.calculate_gain("cube"), "calculate_gain: nonlinearity must be one of "),
    ],
)
def test_what_does_not_fit_is_refused(call, text):
    with pytest.raises(tg.ShapeError, match=re.escape(text)):
        call()


def test_tensors_without_values_are_passed_over():
    with nn.meta():
        weight = nn.Linear(4, 4).weight
    for fill in (init.uniform_, init.normal_, init.trunc_normal_, init.eye_, init.orthogonal_, init.zeros_, init.ones_):
        assert fill(weight) is weight
    assert init.sparse_(weight, 0.5) is weight
    assert init.kaiming_normal_(weight).tolist() == [[0] * 4] * 4


FILLS = {
    "uniform": lambda m, t: m.uniform_(t, -1, 3),
    "normal": lambda m, t: m.normal_(t, 2, 0.5),
    "truncated normal": lambda m, t: m.trunc_normal_(t),
    "truncated normal, narrow": lambda m, t: m.trunc_normal_(t, 0.5, 2.0, 1.0, 1.5),
    "xavier uniform": lambda m, t: m.xavier_uniform_(t, 2.0),
    "xavier normal": lambda m, t: m.xavier_normal_(t),
    "kaiming uniform": lambda m, t: m.kaiming_uniform_(t, a=math.sqrt(5)),
    "kaiming uniform, fan out": lambda m, t: m.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
    "kaiming normal": lambda m, t: m.kaiming_normal_(t, nonlinearity="tanh"),
    "orthogonal": lambda m, t: m.orthogonal_(t, 3.0),
    "sparse": lambda m, t: m.sparse_(t, 0.25) if t.ndim == 2 else m.ones_(t),
    "eye": lambda m, t: m.eye_(t) if t.ndim == 2 else m.dirac_(t, 4),
}


@pytest.mark.parity
@pytest.mark.parametrize("name", FILLS)
@pytest.mark.parametrize("shape", [(120, 300), (64, 20, 5, 5)])
def test_distributions_are_pytorchs(name, shape):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    tg.manual_seed(0)
    ours, theirs = FILLS[name](init, tg.zeros(shape)).data, FILLS[name](torch.nn.init, torch.zeros(shape)).numpy()
    if name == "eye":
        np.testing.assert_array_equal(ours, theirs)
    # Two samples of n values differ by more than this with a probability of 1 in 3,000.
    assert ks_distance(ours, theirs) < 2 * math.sqrt(2 / ours.size)
    tally.count("distributions")
