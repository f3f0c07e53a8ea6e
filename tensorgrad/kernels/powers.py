"""Powers of floats with whole exponents, which NumPy's `power` computes value by value where the base is negative."""

from typing import Any

import numpy as np

from .elementwise import apply, into
from .windows import Array

PRODUCTS = (-2, -1, 1, 2, 3, 4)  # exponents whose powers are products, within 2 units in the last place


def power(x: Any, exponent: Any) -> Any:
    """x ** exponent: arrays or numbers, as np.power takes them."""
    if x.__class__ is np.ndarray and x.ndim and x.dtype.kind == "f" and exponent.__class__ in (int, float):
        if exponent in PRODUCTS:
            return apply(_product, x, int(exponent))
        if exponent % 1 == 0:  # neither infinite nor nan
            return apply(_whole, x, exponent)
    return apply(np.power, x, exponent)


@into
def _product(out: Array, x: Array, exponent: int) -> None:
    if exponent < 0:
        # The square of 1 / x, not 1 over the square, which would be infinite or 0 where the power is not yet.
        x = np.true_divide(1, x, out=out)
    if abs(exponent) == 1:
        np.positive(x, out=out)
    elif exponent == 3:
        np.multiply(np.square(x), x, out=out)
    else:
        np.square(x, out=out)
        if exponent == 4:
            np.square(out, out=out)


@into
def _whole(out: Array, x: Array, exponent: float) -> None:
    """The power of |x|, for which `power` has vector loops, with the sign that x has if the exponent is odd."""
    np.absolute(x, out=out)
    np.power(out, exponent, out=out)
    if exponent % 2:
        np.copysign(out, x, out=out)
