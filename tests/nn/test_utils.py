"""Clipping gradients."""

import math
import re

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.utils import clip_grad_norm_, clip_grad_value_
from tests.parity import tally


def make(scale=1.0, dtype=np.float32):
    rng = np.random.default_rng(0)
    params = [nn.Parameter(np.zeros(shape, dtype)) for shape in [(3, 4), (), (5,), (0, 2)]]
    for p in params:
        p.grad = tg.tensor((rng.standard_normal(p.shape) * scale).astype(dtype))
    return [*params, nn.Parameter(np.zeros(2, dtype))]  # the last has no gradient


def test_a_long_gradient_is_shortened_and_a_short_one_is_not():
    p = nn.Parameter([0.0, 0.0])
    p.grad = tg.tensor([3.0, 4.0])
    memory = p.grad.data
    norm = clip_grad_norm_(p, 10)
    assert norm.item() == 5
    assert p.grad.tolist() == [3, 4]
    assert clip_grad_norm_([p], 1.0).item() == 5
    assert p.grad.tolist() == pytest.approx([0.6, 0.8])
    assert p.grad.data is memory
    clip_grad_value_([p], 0.7)
    assert p.grad.tolist() == pytest.approx([0.6, 0.7])
    assert p.grad.data is memory


def test_without_gradients_nothing_happens():
    p = nn.Parameter([1.0])
    assert clip_grad_norm_([p], 1).item() == 0
    clip_grad_value_(p, 1)
    assert p.grad is None


def test_half_precision_does_not_overflow():
    p = nn.Parameter(np.zeros(4, np.float16))
    p.grad = tg.tensor(np.full(4, 300, np.float16))
    assert clip_grad_norm_(p, 1).item() == pytest.approx(600)
    assert p.grad.dtype == np.float16
    assert p.grad.tolist() == pytest.approx([0.5] * 4, abs=1e-3)


def test_what_is_not_finite_is_refused_if_asked():
    p = nn.Parameter([1.0, 1.0])
    p.grad = tg.tensor([1.0, math.inf])
    text = "clip_grad_norm_: the gradients' norm of order 2.0 is inf, so they cannot be scaled to 1"
    with pytest.raises(tg.GradientError, match=re.escape(text)):
        clip_grad_norm_(p, 1, error_if_nonfinite=True)
    assert p.grad.tolist() == [1, math.inf]
    clip_grad_norm_(p, 1)
    assert p.grad.tolist()[0] == 0
    assert math.isnan(p.grad.tolist()[1])


@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_value_])
def test_clipping_is_noticed_by_a_graph_that_saved_the_gradient(clip):
    p, x = nn.Parameter([1.0]), tg.ones(1, requires_grad=True)
    p.grad = tg.tensor([3.0])
    late = x * p.grad
    clip([p], 0.5)
    with pytest.raises(tg.GradientError, match="changed in place"):
        late.backward()


@pytest.mark.parametrize("clip", [clip_grad_norm_, clip_grad_value_])
def test_gradients_that_cannot_be_written_to_are_refused_first(clip):
    params = [nn.Parameter(np.zeros((2, 3), np.float32)) for _ in range(2)]
    params[0].grad = tg.ones(2, 3)
    params[1].grad = tg.from_numpy(np.broadcast_to(np.float32(1), (2, 3)))
    text = f"{clip.__name__}: a gradient of shape (2, 3) lies in memory that cannot be written to"
    with pytest.raises(tg.GradientError, match=re.escape(text)):
        clip(params, 0.1)
    assert params[0].grad.tolist() == [[1, 1, 1]] * 2


@pytest.mark.parity
@pytest.mark.parametrize("norm_type", [1, 2, 2.5, 0, math.inf, -math.inf])
@pytest.mark.parametrize("scale", [0.01, 1.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_is_pytorchs(norm_type, scale, dtype):
    torch = pytest.importorskip("torch")
    ours = make(scale, dtype)[:3]
    twins = [torch.nn.Parameter(torch.tensor(p.data)) for p in ours]
    for p, q in zip(ours, twins, strict=True):
        q.grad = torch.tensor(p.grad.data)
    found = clip_grad_norm_(iter(ours), 1.5, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(twins, 1.5, norm_type)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    for p, q in zip(ours, twins, strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-6)
    tally.count("clipped by norm")
    clip_grad_value_(ours, 0.3)
    torch.nn.utils.clip_grad_value_(twins, 0.3)
    for p, q in zip(ours, twins, strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-6)
    tally.count("clipped by value")
