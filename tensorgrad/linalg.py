"""Linear algebra, as in `torch.linalg`: `from tensorgrad import linalg`."""

from .errors import LinAlgError as LinAlgError
from .ops.decompositions import cholesky as cholesky
from .ops.decompositions import qr as qr
from .ops.determinant import det as det
from .ops.determinant import slogdet as slogdet
from .ops.inverse import inv as inv
from .ops.inverse import matrix_power as matrix_power
from .ops.inverse import solve as solve
from .ops.linalg import matmul as matmul
from .ops.matrix_norm import matrix_norm as matrix_norm
from .ops.matrix_norm import norm as norm
from .ops.products import multi_dot as multi_dot
from .ops.spectral import eigh as eigh
from .ops.spectral import eigvalsh as eigvalsh
from .ops.spectral import svd as svd
from .ops.spectral import svdvals as svdvals
from .ops.vector_norm import vector_norm as vector_norm
from .ops.vector_products import cross as cross
from .ops.vector_products import vecdot as vecdot

__all__ = [
    "LinAlgError",
    "cholesky",
    "cross",
    "det",
    "eigh",
    "eigvalsh",
    "inv",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "multi_dot",
    "norm",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "vecdot",
    "vector_norm",
]
