"""The random graphs of tests/random_graphs/ in PyTorch: every value, the gradients, second order."""

import numpy as np
import pytest
import torch

import nn.functional as F
import tensorgrad as tg
from tests.parity import tally
from tests.random_graphs import Program, draw_program, shrunk

QUICK, ALL = 100, 2000
pytestmark = pytest.mark.parity


class Composed:
    """A module of PyTorch, with compositions in place of what has no right second derivative there."""

    def __init__(self, module, **own):
        self.module = module
        vars(self).update(own)

    def __getattr__(self, name):
        return getattr(self.module, name)


# The second derivative of hardsigmoid is not implemented; that of logcumsumexp is nan where its gradient is 0; those of
# kron and aminmax raise for some memory layouts and where a gradient is 0.
THEIR_F = Composed(torch.nn.functional, hardsigmoid=lambda x: torch.clamp(x / 6 + 0.5, 0, 1))
THEIRS = Composed(
    torch,
    logcumsumexp=lambda x, dim: torch.log(torch.cumsum(torch.exp(x), dim)),
    kron=lambda a, b: torch.einsum("ij,kl->ikjl", a, b).reshape(a.shape[0] * b.shape[0], -1),
    aminmax=lambda x, dim: (torch.amin(x, dim), torch.amax(x, dim)),
)


def results(m, functional, program):
    """Values by name, gradients, and the gradients of their weighted sum, as arrays; None for what has none."""
    leaves = {name: m.tensor(value, requires_grad=True) for name, value in program.leaves.items()}
    names = program.run(m, functional, leaves)
    wanted = list(leaves.values())
    weights = [m.tensor(w) for w in program.weights.values()]
    grad = m.autograd.grad
    outputs = [names[name] for name in program.weights]
    first = grad(outputs, wanted, weights, create_graph=True, allow_unused=True)
    pairs = [
        (g, m.tensor(np.cos(np.arange(g.detach().numpy().size)).reshape(g.shape)))
        for g in first
        if g is not None and g.requires_grad
    ]
    second = [None] * len(wanted)
    if pairs:
        second = grad([g for g, _ in pairs], wanted, [d for _, d in pairs], allow_unused=True)
    values = {n: t.detach().numpy() for n, t in names.items() if isinstance(t, (tg.Tensor, torch.Tensor))}
    return values, [array(g) for g in first], [array(h) for h in second]


def array(tensor):
    return None if tensor is None else tensor.detach().clone().numpy()  # a copy: PyTorch has zeros without memory


def differs(one, other, tolerance):
    """PyTorch may give zeros where None is given here, or the other way round, for what has no influence."""
    if one is None or other is None:
        return any(a is not None and a.any() for a in (one, other))
    if one.shape != other.shape or one.dtype != other.dtype:
        return True
    return not np.allclose(one, other, rtol=tolerance, atol=tolerance * (1 + np.max(abs(other), initial=0.0)))


def disagreement(program: Program) -> str:
    """What differs, if anything. Both compute in float64 and round differently: 1e-10 of the largest value, which
    grows on the way through a graph of some 25 steps; a gradient's gradient is a sum of many more terms."""
    (values, first, second), (their_values, their_first, their_second) = (
        results(tg, F, program),
        results(THEIRS, THEIR_F, program),
    )
    for name, value in values.items():
        if differs(value, their_values[name], 1e-10):
            return f"{name} is {value.tolist()}, in PyTorch {their_values[name].tolist()}"
    for what, ours, theirs, tolerance in (
        ("gradient", first, their_first, 1e-9),
        ("second order", second, their_second, 1e-8),
    ):
        for name, one, other in zip(program.leaves, ours, theirs, strict=True):
            if differs(one, other, tolerance):
                return f"{what} of {name} is {one}, in PyTorch {other}"
    return ""


@pytest.mark.parametrize(
    "seed", [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, ALL))]
)
def test_a_random_graph(seed):
    program = draw_program(seed)
    if disagreement(program):
        small = shrunk(program, lambda candidate: bool(disagreement(candidate)))
        pytest.fail(f"graph {seed}: {disagreement(small)}\n\n{small.told()}")
    tally.count(*tally.ALL)


def test_a_disagreement_is_found_and_made_small(monkeypatch):
    """A formula that another engine has differently."""
    program = next(p for p in map(draw_program, range(QUICK)) if "silu" in {line.kind for line in p.lines})
    assert not disagreement(program)
    monkeypatch.setattr(torch.nn.functional, "silu", lambda x: x * torch.sigmoid(1.001 * x))
    small = shrunk(program, lambda candidate: bool(disagreement(candidate)))
    assert [line.kind for line in small.lines] == ["silu"]
    assert "in PyTorch" in disagreement(small)
