"""PyTorch's spelling of functions of matrices, of what the rows make of their inputs."""

import torch

from tensorgrad.ops import decompositions, determinant, inverse, matrices, matrix_functions, spectral, vector_norm
from tests.op_table.decompositions import squared, without_signs

L = torch.linalg


def regular(x):
    rows, columns = x.shape[-2:]
    return x + 4 * torch.eye(rows, columns, dtype=x.dtype) * torch.arange(1, columns + 1)


def near_one(x):
    return x / 2 + torch.eye(x.shape[-1], dtype=x.dtype)


def symmetric(x):
    return regular((x + x.mT) / 2)


def positive(x):
    return x @ x.mT + torch.eye(x.shape[-2], dtype=x.dtype)


def on(make, function, pick=lambda *results: results):
    def call(x, *others, **params):
        results = function(make(x), *others, **params)
        return pick(*results) if isinstance(results, tuple) else results

    return call


def qr(a, mode="reduced"):
    """PyTorch has no gradient of the R of modes "complete" and "r": there, the reduced one is put in its place."""
    q, r = L.qr(a)
    if mode == "complete" and a.shape[-2] > a.shape[-1]:
        return torch.cat([r, torch.zeros(a.shape[-2] - r.shape[-2], r.shape[-1], dtype=r.dtype)])
    return r if mode == "r" else (q, r)


def svd_of_row(x, full_matrices=True):
    u, s, vh = L.svd(regular(x), full_matrices)
    return s if full_matrices and x.shape[-2] != x.shape[-1] else without_signs(u, s, vh)


def raw_svd(x, full):
    u, s, vh = L.svd(regular(x), full_matrices=False)
    return s if full else without_signs(u, s, vh)


CALLS = {
    decompositions._cholesky: on(positive, L.cholesky),
    decompositions.cholesky: on(positive, L.cholesky),
    matrix_functions.cholesky: on(positive, L.cholesky),
    decompositions._qr: lambda x, complete: L.qr(regular(x)),
    decompositions.qr: on(regular, qr),
    determinant._det: on(near_one, L.det),
    determinant.det: on(near_one, L.det),
    matrix_functions.det: on(near_one, torch.det),
    matrix_functions.logdet: on(near_one, torch.logdet),
    determinant._slogdet: on(near_one, L.slogdet),
    determinant.slogdet: on(near_one, L.slogdet),
    matrix_functions.slogdet: on(near_one, torch.slogdet),
    inverse._inv: on(regular, L.inv),
    inverse.inv: on(regular, L.inv),
    matrix_functions.inverse: on(regular, torch.inverse),
    inverse._solve: on(regular, L.solve),
    inverse.solve: on(regular, L.solve),
    matrices.diagonal_mask: lambda size: torch.eye(size, dtype=torch.bool),
    matrices.lower_half: lambda size, dtype: (
        torch.ones(size, size, dtype=dtype).tril(-1) + torch.eye(size, dtype=dtype) / 2
    ),
    spectral._eigh: lambda x, lower: squared(*L.eigh(symmetric(x), "L" if lower else "U")),
    spectral.eigh: on(symmetric, L.eigh, squared),
    spectral.eigvalsh: on(symmetric, L.eigvalsh),
    spectral._svd: raw_svd,
    spectral.svd: svd_of_row,
    spectral.svdvals: on(regular, L.svdvals),
    vector_norm._vector_norm: lambda x, ord, dims, keepdim: L.vector_norm(x, ord, dims, keepdim),
}


def refused(row):
    if row.op is vector_norm.vector_norm and row.params.get("ord") not in (None, 0, 1, 2):
        if row.inputs == [()]:
            return "the second derivative of a number's norm is 0, which PyTorch rounds to something near"
        if row.inputs == [(0, 3)]:
            return "PyTorch's second derivative over nothing is nan"
    if row.op is matrix_functions.norm and row.inputs == [()]:
        return "as of vector_norm"
    return None
