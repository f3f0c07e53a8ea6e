"""Programs drawn at random, run in tensorgrad and in PyTorch: values, gradients, second order, in-place changes, modes.

Each program keeps a list of tensors and draws some 25 steps: operations on tensors it has, views, assignments, in-place
methods, detaching, no_grad blocks, hooks. The same seed draws the same program for both engines.

What is drawn here are modes, dtypes, hooks and `.grad`, over a few operations; tests/random_graphs/ draws graphs over
all kinds of operation, as text, which differences of values can check too.
"""

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

pytestmark = pytest.mark.parity


class Program:
    """One random program; `m` is the module that runs it (torch or tensorgrad)."""

    def __init__(self, m, seed, dtypes):
        self.m, self.rng, self.log = m, np.random.default_rng(seed), []
        self.torch = m is not tg
        self.leaves, self.pool, self.seen = [], [], []
        for _ in range(3):
            shape = [(), (3,), (2, 3), (3, 2), (2, 1), (1, 3), (2, 2, 3)][self.rng.integers(7)]
            dtype = dtypes[self.rng.integers(len(dtypes))]
            values = self.rng.uniform(0.5, 1.5, shape)
            t = self.tensor(values, dtype)
            if self.rng.random() < 0.8 or not self.leaves:
                t.requires_grad_()
                self.leaves.append(t)
            self.pool.append(t)

    def tensor(self, values, dtype="float64"):
        if self.torch:
            return self.m.tensor(np.asarray(values), dtype=getattr(self.m, dtype))
        return self.m.tensor(np.asarray(values), dtype=getattr(np, dtype))

    def pick(self, test=lambda t: True):
        found = [t for t in self.pool if test(t)]
        return found[self.rng.integers(len(found))] if found else None

    def fitting(self, shape, exact=False):
        """A tensor whose shape broadcasts with `shape` to `shape`."""

        def fits(t):
            s = tuple(t.shape)
            if exact:
                return s == shape
            return len(s) <= len(shape) and all(a in (1, b) for a, b in zip(s[::-1], shape[::-1], strict=False))

        return self.pick(fits)

    def step(self):
        m, rng = self.m, self.rng
        x = self.pick()
        shape = tuple(x.shape)
        kind = rng.integers(27)
        y = self.fitting(shape)
        if kind == 0:
            return x + y
        if kind == 1:
            return x - y * 0.5
        if kind == 2:
            return (x * y).tanh()
        if kind == 3:
            return x / (y * y + 1)
        if kind == 4:
            return (x.tanh() * 0.3).exp()
        if kind == 5:
            return x.relu() + x.sigmoid()
        if kind == 6:
            return x.sum() * 0.1 if rng.random() < 0.5 or not shape else x.sum(int(rng.integers(len(shape))))
        if kind == 7:
            return x.mean() if rng.random() < 0.5 or not shape else x.mean(int(rng.integers(len(shape))), True)
        if kind == 8:
            return x.reshape(-1)
        if kind == 9 and len(shape) >= 2:
            return x.transpose(0, len(shape) - 1)
        if kind == 10 and shape:
            return x[int(rng.integers(shape[0]))]
        if kind == 11 and shape:
            return x[..., : max(1, shape[-1] - 1)]
        if kind == 12 and shape:
            return x[[0, shape[0] - 1, 0]] if not self.torch else x[m.tensor([0, shape[0] - 1, 0])]
        if kind == 13 and shape:
            other = self.fitting(shape, exact=True)
            return m.cat([x, other], int(rng.integers(len(shape))))
        if kind == 14:
            other = self.fitting(shape, exact=True)
            return m.stack([x, other, x], 0).mean(0) if x.dtype == other.dtype else x
        if kind == 15 and len(shape) == 2:
            other = self.pick(lambda t: len(t.shape) == 2 and t.shape[0] == shape[1] and t.dtype == x.dtype)
            return (x @ other) * 0.5 if other is not None else x @ x.T * 0.5
        if kind == 16:
            condition = np.asarray(rng.random(shape) < 0.5)
            return m.where(m.tensor(condition), x, y * 2.0)
        if kind == 17 and shape:
            return m.max(x, len(shape) - 1)[0]
        if kind == 18 and shape:
            return x.softmax(len(shape) - 1)
        if kind == 19 and shape:
            return x.log_softmax(0)
        if kind == 20:
            return x.detach() * y
        if kind == 21 and shape:
            z = x.clone()
            z[int(rng.integers(shape[0]))] = self.pool[0].sum() * 0.2
            return z
        if kind == 22:
            z = x * 1.0
            z += self.tensor(0.5)
            z *= y.tanh() if tuple(y.shape) == shape or not y.shape else 0.7
            return z
        if kind == 23:
            z = x.clone()
            with m.no_grad():
                w = x * 2.0
                w.mul_(0.5)
            return z * w
        if kind == 24:
            if x.requires_grad and x.grad_fn is not None:
                x.register_hook(lambda g: self.seen.append(g.detach().sum().item()))
            return x * 0.9
        if kind == 25 and shape:
            z = x * 1.0
            z[..., 0] = z[..., -1] * 2.0
            return z
        if kind == 26:
            return (x * x + 0.1).sqrt() + (x * x + 0.1).log() + (x * x + 0.5) ** 1.5 * 0.1
        return -x

    def run(self, steps):
        for _ in range(steps):
            y = self.step()
            if 0 < y.numel() < 200:
                self.pool.append(y)
        ends = [t for t in self.pool[-6:] if t.requires_grad] or [self.leaves[0] * 1.0]
        total = ends[0].sum()
        for t in ends[1:]:
            total = total + t.mean()
        return total


def numbers(t):
    return None if t is None else np.asarray(t.detach().numpy(), np.float64)


def same(ours, theirs, what, tolerance):
    if theirs is None or ours is None:
        # PyTorch gives zeros where ours gives None, or the other way round, when a value has no influence.
        for one in (ours, theirs):
            assert one is None or not numbers(one).any(), what
        return
    assert str(theirs.dtype).removeprefix("torch.") == str(ours.dtype), what
    assert tuple(theirs.shape) == tuple(ours.shape), what
    np.testing.assert_allclose(numbers(ours), numbers(theirs), rtol=tolerance, atol=tolerance, err_msg=what)


@pytest.mark.parametrize("seed", range(300))
def test_a_random_program(seed):
    torch = pytest.importorskip("torch")
    mixed = seed % 3 == 0
    dtypes, tolerance = (("float32", "float64"), 2e-4) if mixed else (("float64",), 1e-9)
    ours, theirs = Program(tg, seed, dtypes), Program(torch, seed, dtypes)
    losses = ours.run(25), theirs.run(25)
    for i, (a, b) in enumerate(zip(ours.pool, theirs.pool, strict=True)):
        same(a, b, f"tensor {i}", tolerance)
        assert a.requires_grad == b.requires_grad, f"tensor {i}"
    for loss in losses:
        loss.backward(retain_graph=True)
    for i, (a, b) in enumerate(zip(ours.leaves, theirs.leaves, strict=True)):
        same(a.grad, b.grad, f"gradient {i}", tolerance)
    np.testing.assert_allclose(ours.seen, theirs.seen, rtol=tolerance, atol=tolerance)
    tally.count("values", "gradients")
    for loss in losses:
        loss.backward(retain_graph=True)
    for i, (a, b) in enumerate(zip(ours.leaves, theirs.leaves, strict=True)):
        same(a.grad, b.grad, f"second backward {i}", tolerance)
    if mixed:
        return  # float32 twice differentiated differs by rounding alone
    ga = tg.grad(losses[0], ours.leaves, create_graph=True, allow_unused=True)
    gb = torch.autograd.grad(losses[1], theirs.leaves, create_graph=True, allow_unused=True)
    pa = sum((g * g).sum() for g in ga if g is not None and g.requires_grad)
    pb = sum((g * g).sum() for g in gb if g is not None and g.requires_grad)
    if isinstance(pa, int) or isinstance(pb, int):
        return
    np.testing.assert_allclose(pa.item(), pb.item(), rtol=1e-8, atol=1e-10)
    ha = tg.grad(pa, ours.leaves, allow_unused=True)
    hb = torch.autograd.grad(pb, theirs.leaves, allow_unused=True)
    for i, (a, b) in enumerate(zip(ha, hb, strict=True)):
        same(a, b, f"second order {i}", 1e-7)
    tally.count("second order")
