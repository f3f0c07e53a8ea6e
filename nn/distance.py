"""Distances and angles of vectors as modules."""

from . import functional as F
from .function import FunctionLayer, layer_of


@layer_of(F.cosine_similarity)
class CosineSimilarity(FunctionLayer):
    """The cosine of the angle between vectors along `dim`, called with x1 and x2. See `tg.cosine_similarity`."""

    dim: int = 1
    eps: float = 1e-8

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


@layer_of(F.pairwise_distance)
class PairwiseDistance(FunctionLayer):
    """The p-norm of x1 - x2 + eps along the last axis, called with x1 and x2. See `tg.pairwise_distance`."""

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""
