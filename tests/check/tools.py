"""What the tests of the checks share."""

import numpy as np

import tensorgrad as tg


def leaf(*shape, seed=0, low=None, high=None):
    """A float64 leaf: standard normal, or uniform between two bounds."""
    rng = np.random.default_rng([seed, *shape])
    values = rng.standard_normal(shape) if low is None else rng.uniform(low, high, shape)
    return tg.tensor(values, requires_grad=True)


def holding(*values):
    """A float64 leaf of these values."""
    return tg.tensor(np.array(values, np.float64), requires_grad=True)


def shuffled(*shape, step=0.1):
    """A float64 leaf of values all at least `step` apart: no ties, no value at 0."""
    count = int(np.prod(shape))
    values = (np.random.default_rng(1).permutation(count) - count / 2 + 0.25) * step
    return tg.tensor(values.reshape(shape), requires_grad=True)
