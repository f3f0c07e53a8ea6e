"""A small numeric check, until tensorgrad.check is there."""

import numpy as np

import tensorgrad as tg


def gradcheck(function, tensors, eps=1e-6, tol=2e-6, directions=6):
    outs = function(*tensors)
    rng = np.random.default_rng(0)
    gs = [rng.standard_normal(o.shape) for o in outs]
    found = tg.grad(outs, tensors, [tg.tensor(g) for g in gs], allow_unused=True)
    found = [np.zeros(t.shape) if f is None else f.data for f, t in zip(found, tensors, strict=True)]
    total = sum(t.data.size for t in tensors)
    moves = []
    if total <= 24:
        for n, t in enumerate(tensors):
            for at in np.ndindex(t.shape):
                d = [np.zeros(u.shape) for u in tensors]
                d[n][at] = 1
                moves.append(d)
    else:
        moves = [[rng.standard_normal(u.shape) for u in tensors] for _ in range(directions)]

    def value(d, step):
        outs = function(*[_leaf(t.data + step * v) for t, v in zip(tensors, d, strict=True)])
        return sum(float((o.data * g).sum()) for o, g in zip(outs, gs, strict=True))

    for d in moves:
        numeric = (value(d, eps) - value(d, -eps)) / (2 * eps)
        analytic = sum(float((f * v).sum()) for f, v in zip(found, d, strict=True))
        scale = max(1.0, sum(float(np.abs(f * v).sum()) for f, v in zip(found, d, strict=True)))
        assert abs(numeric - analytic) <= tol * scale, (numeric, analytic)
    return True


def gradgradcheck(function, tensors):
    outs = function(*tensors)
    rng = np.random.default_rng(1)
    gs = [_leaf(rng.standard_normal(o.shape)) for o in outs]
    n = len(tensors)

    def backward(*all_):
        ins, cots = all_[:n], all_[n:]
        found = tg.grad(function(*ins), ins, cots, create_graph=True, allow_unused=True)
        return tuple(f for f in found if f is not None and f.requires_grad)

    return gradcheck(backward, [*tensors, *gs], tol=2e-5)


def _leaf(array):
    t = tg.from_numpy(np.asarray(array, np.float64))
    t.requires_grad = True
    return t
