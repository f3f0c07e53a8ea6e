"""Vectors looked up by number."""

from typing import Any

import numpy as np

import tensorgrad as tg

from . import functional as F
from . import init
from .abstract import blank, is_blank
from .module import Module, Parameter


class Embedding(Module):
    """The rows of `weight` that integers name: (...) to (..., embedding_dim).

    `weight` is (num_embeddings, embedding_dim), normal with variance 1 at the start. Row `padding_idx` starts as zeros
    and gets no gradient. For the other settings see `tg.embedding`.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        dtype: Any = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise tg.ShapeError(f"Embedding: there is no row padding_idx={padding_idx} among {num_embeddings}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse
        self.weight = Parameter(blank((num_embeddings, embedding_dim), dtype))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: np.random.Generator | None = None) -> None:
        """Draw the weight anew."""
        init.normal_(self.weight, generator=generator)
        if self.padding_idx is not None and not is_blank(self.weight):
            with tg.no_grad():
                self.weight[self.padding_idx] = 0.0

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        """See the class."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        for name, usual in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2.0),
            ("scale_grad_by_freq", False),
            ("sparse", False),
        ):
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        return text
