from .calls import functional_call as functional_call
from .checkpoint import checkpoint as checkpoint
from .checkpoint import checkpoint_sequential as checkpoint_sequential
from .checkpoint import is_recomputing as is_recomputing
from .gradient import grad as grad
from .gradient import grad_and_value as grad_and_value
from .gradient import value_and_grad as value_and_grad
from .jacobian import hessian as hessian
from .jacobian import jacfwd as jacfwd
from .jacobian import jacrev as jacrev
from .products import hvp as hvp
from .products import jvp as jvp
from .products import vjp as vjp

__all__ = [
    "checkpoint",
    "checkpoint_sequential",
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "is_recomputing",
    "jacfwd",
    "jacrev",
    "jvp",
    "value_and_grad",
    "vjp",
]
