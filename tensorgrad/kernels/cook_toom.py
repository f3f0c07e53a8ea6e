"""Matrices of the Toom-Cook algorithm, with which Winograd's algorithms along one axis multiply: see `winograd`.

F(m, r) makes m results of r filter weights, "taps", and the m + r - 1 pixels that they read, by a product at each of as
many points. More points round more: so six and seven taps make three results; four of seven would be off by 5e-6 with
64 channels.
"""

from typing import NamedTuple

import numpy as np

from .windows import Array


class Matrices(NamedTuple):
    """Of F(m, r), for b = m + r - 1 points."""

    results: Array  # A^T (m, b)
    pixels: Array  # B^T (b, b)
    filters: Array  # G (b, r)


def matrices(tile: int, taps: int, points: tuple[float, ...]) -> Matrices:
    """The matrices of F(tile, taps) at these points and infinity, by Lagrange's formula.

    Column p of A^T and row p of G are the powers of point p, the latter divided by the product of its distances to the
    other points. Row p of B^T has the coefficients of the polynomial that is zero at these. At infinity, a polynomial's
    value is its highest coefficient.
    """
    block = len(points) + 1
    results, pixels, filters = np.zeros((tile, block)), np.zeros((block, block)), np.zeros((block, taps))
    for p, point in enumerate(points):
        others = points[:p] + points[p + 1 :]
        results[:, p] = np.power(point, range(tile))
        pixels[p, :-1] = np.poly(others)[::-1]
        filters[p] = np.power(point, range(taps)) / np.prod(np.subtract(point, others))
    results[-1, -1] = filters[-1, -1] = 1
    pixels[-1] = np.poly(points)[::-1]
    # By columns, as OpenBLAS's AVX-512 kernels for small products take 0.9 of the time with six or more rows.
    return Matrices(results, np.asfortranarray(pixels), filters)


# Of the points up to 4 with small numerators and denominators, those that round least, or nearly so: along one axis
# 0.6 of the error of 0, 1, -1, 2, -2 for three taps, half of 0, 1, -1, 1/2, -1/2, -3/2, 2, -2 for seven.
# (Barabasz et al. 2018, https://arxiv.org/abs/1803.10986, found such points by search as well.)
BY_TAPS = {
    3: matrices(4, 3, (0, 1, -1, 1 / 2, -2)),
    4: matrices(4, 4, (0, 1, 2, -4 / 3, -3 / 4, 1 / 2)),
    5: matrices(4, 5, (0, 1, -1, 1 / 2, -1 / 2, 2, -2)),
    6: matrices(3, 6, (0, 1, -1, 1 / 2, -1 / 2, 2, -2)),
    7: matrices(3, 7, (0, 1, -2, 3 / 2, -4 / 3, 3 / 4, -3 / 4, -1 / 3)),
}
ONE = 1  # the place of point 1
