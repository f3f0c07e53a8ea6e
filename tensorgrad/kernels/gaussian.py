"""The error function and the normal distribution in float32, by two rational functions; float64 is in `special`.

For t >= 0, exp(t^2) erfc(t) falls smoothly from 1, like 1 / (sqrt(pi) t). So it is (1 + t r(t)) / (1 + sqrt(pi) t),
with a small r: TAIL divides a polynomial of degree 3 by one of degree 5, for t up to 10.6, where erfc is below the
least float32. The largest relative error of the whole is 7.4e-9. A float32 is rounded by 6e-8, and the steps of the
computation leave up to 6 units in the last place.

For |x| up to 3.93, beyond which erf is 1 to the digits of float32, erf(x) is tanh(x c(x^2)): CENTRE divides two
polynomials of degree 3. Where erf is nearly 1 tanh makes an error in c smaller, so few terms suffice: the largest
relative error of the approximation is 3.3e-9.

The coefficients were computed for this file: mpmath's values in 30 digits at 400 Chebyshev nodes, least squares of the
linearised relative error, and Lawson's weights, raised where the error was largest, 150 times: nearly the minimax
approximation. All coefficients are positive, so that sums in float32 lose no digits.
"""

import math

import numpy as np

from .elementwise import bounded, into, room
from .windows import Array

Rational = tuple[list[float], list[float]]  # coefficients of numerator and denominator, the highest power first

CENTRE: Rational = (
    [0.00217828015, 0.0426465428, 0.279806828, 1.12837917],
    [0.000324924025, 0.023689914, 0.156892577, 1.0],
)
TAIL: Rational = (
    [0.0456085562, 0.2425863, 0.586321788, 0.644075335],
    [0.0808445652, 0.501433702, 1.52668761, 2.61649512, 2.46297255, 1.0],
)
TAIL_END = 10.6  # erfc is below the least float32 from here on
CENTRE_END = 4.5  # NumPy's tanh of float32 gives 1 from 10 on, which its argument reaches before here
LEADING = -0x1000  # a mask for the sign, the exponent and the first 12 digits of a float32


def _stretched(coefficients: list[float], power: int) -> list[float]:
    """The coefficients for t / sqrt(2) in place of t, and for a product with that power of it."""
    return [c * math.sqrt(0.5) ** (n + power) for n, c in enumerate(reversed(coefficients))][::-1]


NORMAL_TAIL: Rational = (_stretched(TAIL[0], 1), _stretched(TAIL[1], 0))
NORMAL_END = 15.0  # P(Z > t) is below the least float32 from here on
DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution, at 0


@into
def erf(out: Array, x: Array) -> None:
    """The error function."""
    near = bounded(room(x), x, -CENTRE_END, CENTRE_END)
    _ratio(out, np.square(near), CENTRE)
    np.multiply(out, near, out=out)
    np.tanh(out, out=out)


@into
def erfc(out: Array, x: Array) -> None:
    """1 - erf(x), which keeps its digits."""
    size, rest, bits = room(x), room(x), room(x)
    bounded(size, np.absolute(x, out=size), -1.0, TAIL_END)
    # exp(-t*t) would turn the rounding of t*t into an error as many times larger as t*t is; the square of the first
    # half of t's digits is exact, and what it leaves is small.
    np.bitwise_and(size.view(np.int32), LEADING, out=bits.view(np.int32))
    np.subtract(bits, size, out=rest)
    np.multiply(rest, np.add(bits, size, out=out), out=rest)
    np.expm1(rest, out=rest)
    np.multiply(bits, np.negative(bits, out=out), out=bits)
    np.exp(bits, out=bits)
    np.add(bits, np.multiply(bits, rest, out=rest), out=bits)
    _tail(out, size, TAIL, 1.0, math.sqrt(math.pi))
    np.multiply(out, bits, out=out)
    # 2 - it below 0: it is negated where x is, and 2 is added.
    sign = np.multiply(np.greater_equal(x, 0, out=rest), 2, out=rest)
    np.subtract(sign, 1, out=sign)
    np.multiply(out, sign, out=out)
    np.add(out, np.subtract(1, sign, out=bits), out=out)


@into
def gelu(out: Array, x: Array) -> None:
    """x * P(Z <= x) as max(x, 0) - |x| P(Z > |x|); nan at -inf."""
    size = bounded(room(x), x, -NORMAL_END, NORMAL_END)
    np.absolute(size, out=size)
    _tail(out, size, NORMAL_TAIL, 2.0, math.sqrt(2 * math.pi))
    np.multiply(out, size, out=out)
    np.multiply(out, _bell(size, size), out=out)
    positive = np.multiply(x, 0.5, out=size)
    positive = np.add(positive, np.absolute(positive), out=size)  # of -inf, nan
    np.subtract(positive, out, out=out)


@into
def gelu_slope(out: Array, x: Array) -> None:
    """P(Z <= x) + x * density(x): as a step from 0 to 1 at 0, less the sign of x times what it is at -|x|."""
    size, part = room(x), room(x)
    bounded(size, x, -NORMAL_END, NORMAL_END)
    np.absolute(size, out=size)
    _tail(out, size, NORMAL_TAIL, 2.0, math.sqrt(2 * math.pi))
    np.subtract(out, np.multiply(size, DENSITY, out=part), out=out)
    np.multiply(out, _bell(part, size), out=out)
    step = np.greater_equal(x, 0, out=part)
    sign = np.subtract(1, np.multiply(step, 2, out=size), out=size)
    np.add(np.multiply(out, sign, out=out), step, out=out)


def _bell(out: Array, t: Array) -> Array:
    """exp(-t^2 / 2)."""
    np.square(t, out=out)
    np.multiply(out, -0.5, out=out)
    return np.exp(out, out=out)


def _tail(out: Array, t: Array, ratio: Rational, constant: float, slope: float) -> None:
    """(1 + t r(t)) / (constant + slope t)."""
    _ratio(out, t, ratio)
    np.multiply(out, t, out=out)
    np.add(out, 1, out=out)
    below = np.multiply(t, slope, out=room(t))
    np.divide(out, np.add(below, constant, out=below), out=out)


def _ratio(out: Array, t: Array, ratio: Rational) -> None:
    """A ratio of polynomials of t, each by Horner's rule."""
    below = room(t)
    for target, (first, second, *others) in zip((out, below), ratio, strict=True):
        np.multiply(t, first, out=target)
        np.add(target, second, out=target)
        for coefficient in others:
            np.multiply(target, t, out=target)
            np.add(target, coefficient, out=target)
    np.divide(out, below, out=out)
