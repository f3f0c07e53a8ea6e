"""Rows of inverses, determinants and decompositions of matrices."""

import numpy as np

from tensorgrad.ops import (
    decompositions,
    determinant,
    inverse,
    matrices,
    matrix_functions,
    spectral,
)

from .row import F32, F64, Row

SIGNS = "the signs of the vectors are LAPACK's; right for what does not depend on them"
KINKS = {
    "det": "a singular matrix has the cofactors for a gradient",
    "linalg.det": "a singular matrix has the cofactors for a gradient",
    "linalg.eigh": f"equal eigenvalues: those of the vectors are infinite or nan; {SIGNS}",
    "linalg.svd": f"equal singular values, or 0: those of the vectors are infinite or nan; {SIGNS}",
    "linalg.cholesky": "symmetric, though one triangle alone is read",
    "cholesky": "symmetric, though one triangle alone is read",
    "inverse": "a singular matrix raises LinAlgError",
    "linalg.inv": "a singular matrix raises LinAlgError",
    "linalg.solve": "a singular matrix raises LinAlgError",
    "matrix_power": "for n below 0, a singular matrix raises LinAlgError",
    "linalg.qr": "dependent columns: the gradient raises LinAlgError",
    "logdet": "a singular matrix gives -inf, and its gradient raises LinAlgError",
    "slogdet": "a singular matrix gives 0 and -inf; its gradient raises LinAlgError",
    "linalg.slogdet": "a singular matrix gives 0 and -inf; its gradient raises LinAlgError",
    "linalg.eigvalsh": "equal eigenvalues: right for what treats them alike",
    "linalg.svdvals": "equal singular values: right for what treats them alike",
}


# What makes any matrix good for a decomposition; on arrays and tensors


def regular(x):
    """With 4, 8, 12, ... added on the diagonal: independent columns, singular values that differ."""
    rows, columns = x.shape[-2:]
    return x + (4 * np.eye(rows, columns) * np.arange(1, columns + 1)).astype(x.dtype)


def near_one(x):
    """With 1 added on the diagonal: the cofactors are small, so that gradcheck sees their differences."""
    return x / 2 + np.eye(x.shape[-1]).astype(x.dtype)


def symmetric(x):
    return regular((x + x.swapaxes(-1, -2)) / 2)


def positive(x):
    return x @ x.swapaxes(-1, -2) + np.eye(x.shape[-2]).astype(x.dtype)


def on(make, op):
    """`op` of what `make` makes of the first input."""
    return lambda x, *others, **params: op(make(x), *others, **params)


def rows(op, reference, shapes, params=None, make=regular, pick=lambda *results: results, **more):
    """Rows of an operation on matrices that `make` has made good for it; `pick` chooses from its results."""
    picked = lambda results: pick(*results) if isinstance(results, tuple) else results  # noqa: E731
    return [
        Row(
            op,
            lambda x, *others, **given: picked(reference(make(x), *others, **given)),
            shape if isinstance(shape, list) else [shape],
            params or {},
            call=lambda x, *others, **given: picked(op(make(x), *others, **given)),
            half=False,
            domain=(-0.913, 1.071),
            **more,
        )
        for shape in shapes
    ]


# References


def inv(a):
    """By Gauss and Jordan's elimination, without pivoting: the matrices of `regular` do without."""
    if a.ndim > 2:
        return np.array([inv(each) for each in a]).reshape(a.shape)
    n = len(a)
    both = np.concatenate([a, np.eye(n)], 1)
    for i in range(n):
        both[i] /= both[i, i]
        for j in range(n):
            if j != i:
                both[j] -= both[j, i] * both[i]
    return both[:, n:]


def det(a):
    """By expansion along the first row."""
    if a.ndim > 2:
        return np.array([det(each) for each in a]).reshape(a.shape[:-2])
    if not len(a):
        return np.ones(())
    return np.asarray(sum(a[0, j] * cofactor(a, 0, j) for j in range(len(a))))


def cofactor(a, i, j):
    return (-1) ** (i + j) * det(np.delete(np.delete(a, i, 0), j, 1))


def cofactors(a):
    if a.ndim > 2:
        return np.array([cofactors(each) for each in a]).reshape(a.shape)
    return np.array([[cofactor(a, i, j) for j in range(len(a))] for i in range(len(a))]).reshape(a.shape)


def cofactors_vjp(gy, a):
    """Element by element: each cofactor is linear in each element, so one step of 1 gives its derivative."""
    if a.ndim > 2:
        return np.array([cofactors_vjp(g, each) for g, each in zip(gy, a, strict=True)])
    out = np.zeros(a.shape)
    for at in np.ndindex(a.shape):
        moved = a.copy()
        moved[at] += 1
        out[at] = np.sum(gy * (cofactors(moved) - cofactors(a)))
    return out


def slogdet(a):
    return np.sign(det(a)), np.log(np.abs(det(a)))


def solve(a, b):
    return np.einsum("...ij,...jk->...ik", inv(a), b)


def cholesky(a):
    """Element by element, after Cholesky and Banachiewicz."""
    if a.ndim > 2:
        return np.array([cholesky(each) for each in a]).reshape(a.shape)
    out = np.zeros(a.shape)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = a[i, j] - out[i, :j] @ out[j, :j]
            out[i, j] = np.sqrt(rest) if i == j else rest / out[j, j]
    return out


def qr(a):
    """By Householder's reflections, one for each column that has something below its diagonal; reduced."""
    if a.ndim > 2:
        pairs = [qr(each) for each in a]
        return np.array([q for q, _ in pairs]), np.array([r for _, r in pairs])
    q, r = np.eye(len(a)), a.copy()
    for j in range(min(len(a) - 1, a.shape[1])):
        v = np.where(np.arange(len(a)) < j, 0, r[:, j])
        v[j] += np.copysign(np.sqrt(v @ v), v[j])
        reflection = np.eye(len(a)) - 2 * np.outer(v, v) / (v @ v)
        q, r = q @ reflection, reflection @ r
    size = min(a.shape)
    return q[:, :size], r[:size]


def eigh(a):
    """From the general solver, which does not know that the matrix is symmetric."""
    values, vectors = np.linalg.eig(a)
    order = np.argsort(values, -1)
    return np.take_along_axis(values, order, -1), np.take_along_axis(vectors, order[..., None, :], -1)


def svd(a):
    """The reduced one, from the eigenvalues of a' a or a a', whichever is regular."""
    if a.shape[-2] < a.shape[-1]:
        u, s, vh = svd(a.swapaxes(-1, -2))
        return vh.swapaxes(-1, -2), s, u.swapaxes(-1, -2)
    squares, v = eigh(a.swapaxes(-1, -2) @ a)
    s, v = np.sqrt(squares[..., ::-1]), v[..., ::-1]
    return (a @ v) / s[..., None, :], s, v.swapaxes(-1, -2)


def without_signs(u, s, vh):
    """What does not depend on the signs of the vectors, of those sides that have a vector for each value only."""
    size = s.shape[-1]
    left, right = u.shape[-1] == size, vh.shape[-2] == size
    squares = ([u * u] if left else []) + ([vh * vh] if right else [])
    return (s, *squares, *([u @ vh] if left and right else []))


def squared(values, vectors):
    return values, vectors * vectors


# Inverses and equations

SQUARE = [(3, 3), (2, 2, 2), (1, 1), (0, 0), (0, 2, 2)]
ROWS = [
    *rows(inverse._inv, inv, SQUARE),
    *rows(inverse.inv, inv, SQUARE),
    *rows(matrix_functions.inverse, inv, SQUARE),
    *rows(inverse._solve, solve, [[(3, 3), (3, 2)], [(2, 2, 2), (2, 1)], [(2, 2), (3, 2, 1)], [(0, 2, 2), (2, 1)]]),
    *rows(inverse.solve, lambda a, b: solve(a, b[:, None])[..., 0], [[(3, 3), (3,)], [(2, 2, 2), (2,)]]),
    *rows(inverse.solve, lambda a, b: solve(a, b[..., None])[..., 0], [[(3, 2, 2), (3, 2)]]),
    *rows(inverse.solve, solve, [[(3, 3), (3, 2)], [(2, 1, 2, 2), (3, 2, 1)], [(2, 2), (3, 2, 2)]]),
    *rows(
        inverse.solve,
        lambda a, b, left: np.einsum("...ij,...jk->...ik", b, inv(a)),
        [[(3, 3), (2, 3)], [(2, 2, 2), (1, 2)]],
        {"left": False},
    ),
]

# Determinants
ROWS += [
    *rows(determinant._det, det, SQUARE, make=near_one),
    *rows(determinant.det, det, SQUARE, make=near_one),
    *rows(matrix_functions.det, det, SQUARE, make=near_one),
    *rows(determinant._cofactors, cofactors, SQUARE, make=near_one),
    *rows(determinant._slogdet, slogdet, [(3, 3), (2, 2, 2)], make=near_one),
    *rows(determinant.slogdet, slogdet, [(3, 3), (2, 2, 2)], make=near_one),
    *rows(matrix_functions.slogdet, slogdet, [(3, 3), (2, 2, 2)], make=near_one),
    *rows(matrix_functions.logdet, lambda a: np.log(det(a)), [(3, 3), (2, 2, 2), (0, 2, 2)], make=near_one),
]
ROWS += [
    Row(
        determinant._cofactors_vjp,
        lambda gy, x: cofactors_vjp(gy, near_one(x)),
        [shape, shape],
        call=lambda gy, x: determinant._cofactors_vjp(gy, near_one(x)),
        domain=(-0.913, 1.071),
        half=False,
    )
    for shape in [(3, 3), (2, 3, 3)]  # smaller ones have zeros for derivatives
]

# Decompositions
ROWS += [
    *rows(decompositions._cholesky, cholesky, SQUARE, make=positive),
    *rows(decompositions.cholesky, lambda a, upper=False: cholesky(a), SQUARE, make=positive),
    *rows(matrix_functions.cholesky, lambda a, upper=False: cholesky(a), SQUARE, make=positive),
]
for op in (decompositions.cholesky, matrix_functions.cholesky):
    ROWS += rows(op, lambda a, upper: cholesky(a).swapaxes(-1, -2), [(3, 3), (2, 2, 2)], {"upper": True}, make=positive)

TALL, WIDE = [(3, 3), (4, 2), (2, 3, 2), (1, 1)], [(2, 3), (2, 1, 2)]
ROWS += [
    *rows(
        decompositions._qr,
        lambda a, complete: qr(a),
        TALL,
        {"complete": False},
        pick=lambda q, r, *_: (q, r),
    ),
    *rows(
        decompositions._qr,
        lambda a, complete: qr(a),
        [(3, 3), (4, 2)],
        {"complete": True},
        pick=lambda q, r, *_: (q, r),
    ),
    *rows(decompositions.qr, qr, [*TALL, *WIDE]),
    *rows(decompositions.qr, lambda a, mode: qr(a), [(3, 3), *WIDE], {"mode": "complete"}),
    *rows(
        decompositions.qr,
        lambda a, mode: (None, np.concatenate([qr(a)[1], np.zeros((2, 2))])),
        [(4, 2)],
        {"mode": "complete"},
        pick=lambda q, r: r,
    ),
    *rows(decompositions.qr, lambda a, mode: qr(a), [*TALL, *WIDE], {"mode": "r"}, pick=lambda q, r: r),
]

for lower in (True, False):
    ROWS += rows(
        spectral._eigh,
        lambda a, lower: eigh(a),
        [(3, 3), (2, 2, 2)],
        {"lower": lower},
        make=symmetric,
        pick=squared,
    )
for params in ({}, {"UPLO": "U"}):
    ROWS += rows(
        spectral.eigh,
        lambda a, UPLO="L": eigh(a),
        [(3, 3), (2, 2, 2), (1, 1)],
        params,
        make=symmetric,
        pick=squared,
    )
    ROWS += rows(spectral.eigvalsh, lambda a, UPLO="L": eigh(a)[0], [(3, 3), (2, 2, 2)], params, make=symmetric)

ANY = [(3, 3), (2, 4), (3, 2), (2, 2, 3)]
ROWS += [
    *rows(
        spectral._svd,
        lambda a, full: svd(a),
        ANY,
        {"full": False},
        pick=lambda u, s, vh, *_: without_signs(u, s, vh),
    ),
    *rows(spectral._svd, lambda a, full: svd(a), [(3, 3), (2, 4)], {"full": True}, pick=lambda u, s, vh, *_: s),
    *rows(spectral.svd, lambda a, full_matrices: svd(a), ANY, {"full_matrices": False}, pick=without_signs),
    *rows(spectral.svd, svd, [(3, 3)], pick=without_signs),
    *rows(spectral.svd, svd, [(2, 4), (2, 3, 2)], pick=lambda u, s, vh: s),
    *rows(spectral.svdvals, lambda a: svd(a)[1], ANY),
]

ROWS += [
    Row(matrices.diagonal_mask, lambda size: np.arange(size)[:, None] == np.arange(size), [], {"size": n})
    for n in (3, 0)
]
ROWS += [
    Row(
        matrices.lower_half,
        lambda size, dtype: np.array([[(i > j) + (i == j) / 2 for j in range(size)] for i in range(size)]).reshape(
            size, size
        ),
        [],
        {"size": n, "dtype": dtype},
    )
    for n, dtype in [(3, F64), (2, F32), (0, F64)]
]
