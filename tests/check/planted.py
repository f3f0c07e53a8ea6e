"""Primitives with one mistake each, for gradcheck and verify to find. Their forward functions are right."""

import numpy as np

from tensorgrad import primitive
from tensorgrad.ops.reduce import sum as total
from tensorgrad.ops.shape import permute, reshape


def op(forward, *rules, **options):
    made = primitive(forward, **options)
    made.defvjps(*rules)
    return made


def square(x):
    return x * x


def matrix_product(x, y):
    return np.matmul(x, y)


def add_row(x, row):
    return x + row


def times_row(x, row):
    return x * row


def double(x):
    return 2.0 * x


def turned(x):
    return permute(x, (1, 0))


right = op(square, lambda g, x: 2.0 * g * x)
wrong_sign = op(square, lambda g, x: -2.0 * g * x)
missing_factor = op(square, lambda g, x: g * x)
slightly_off = op(square, lambda g, x: (2.0 + 2.5e-3) * g * x)  # by 1.25e-3 of its size
no_gradient = op(square, lambda g, x: None)
square_of_g = op(square, lambda g, x: 2.0 * x * g * g)
infinite = op(square, lambda g, x: g / (0.0 * x))
one_element = op(square, lambda g, x: 2.0 * g * x * np.where(np.arange(x.shape[0]) == 2, 3.0, 1.0))
unasked = op(lambda x: np.floor(x), lambda g: g)

# For square matrices the shape is right; for others the values lie in the wrong order of the right shape.
transposed = op(matrix_product, lambda g, y: turned(g @ turned(y)), lambda g, x: turned(x) @ g)
reshaped = op(matrix_product, lambda g, x_shape, y: reshape(y @ turned(g), x_shape), lambda g, x: turned(x) @ g)
flipped = op(double, lambda g: 2.0 * g[..., ::-1, ::-1])

# A row added to every row of x: its gradient is the sum over the rows.
row_of_first = op(add_row, lambda g: g, lambda g: g[0])
row_of_mean = op(add_row, lambda g: g, lambda g: total(g, 0) / g.shape[0])
row_summed_apart = op(times_row, lambda g, row: g * row, lambda g, x: total(g, 0) * total(x, 0))

# The first derivative is right. The second walk takes x, or the standard deviation, for a constant.
wrong_second = op(square, lambda g, x: 2.0 * g * getattr(x, "_array", x))


def _standardised(x):
    std = x.std()
    return (x - x.mean()) / std, std


def _standardised_rule(g, out, std):
    return (g - total(g) / g.shape[0] - out * (total(g * out) / g.shape[0])) / std


saved_std = op(_standardised, _standardised_rule, saves=("std",))


def wrong_block(start, stop):
    """A square whose gradient misses a factor of 2 from `start` to `stop`."""

    def factors(size):
        at = np.arange(size)
        return np.where((start <= at) & (at < stop), 1.0, 2.0)

    return op(square, lambda g, x: g * x * factors(x.shape[0]))


# Memory and state

_calls, _buffer = [], np.zeros(4)


def _counting(x):
    _calls.append(1)
    return x * (1.0 + 1e-3 * len(_calls))


def _in_one_buffer(x):
    return np.multiply(x, x, out=_buffer if x.dtype == np.float64 else None)


def _rule_in_one_buffer(g, x):
    return np.multiply(2.0 * g, x, out=_buffer) if g.dtype == np.float64 else 2.0 * g * x


def _rule_that_counts(g, x):
    _calls.append(1)
    return g * x * (2.0 + len(_calls))


def _writing_to_input(x):
    x += 1.0
    return x * x


def _rule_writing_to_g(g, x):
    g *= 2.0
    return g * x


def _rule_writing_to_saved(g, x):
    result = 2.0 * g * x
    x *= 2.0
    return result


stateful = op(_counting, lambda g: g)
one_buffer = op(_in_one_buffer, lambda g, x: 2.0 * g * x)
rule_with_buffer = op(square, _rule_in_one_buffer)
rule_with_state = op(square, _rule_that_counts)
forward_writes = op(_writing_to_input, lambda g, x: 2.0 * g * x)
rule_writes_g = op(square, _rule_writing_to_g)
rule_writes_saved = op(square, _rule_writing_to_saved)
returns_input = op(lambda x: x, lambda g: g)
widens = op(lambda x: x * np.ones(1), lambda g: g)
rule_widens = op(square, lambda g, x: np.float64(2) * (g * x))
rule_in_numpy = op(square, lambda g, x: 2.0 * g * np.cbrt(x) ** 3)
wrong_shape = op(square, lambda g, x: total(g * x))
wrong_composition = primitive(square, composed=lambda x: x * x * 1.001)


def _times_random(x, *, generator):
    return x * generator.uniform(0.5, 1.5, x.shape).astype(x.dtype)


times_random = op(_times_random, lambda g, x, out: g * out / x)
