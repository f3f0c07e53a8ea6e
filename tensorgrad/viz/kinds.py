"""What an operation is about, and how that looks: a colour, a shape and a word, so that none is needed alone."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from ..primitive import Primitive

# The first pattern that an operation's name matches decides.
PATTERNS = (
    ("loss", r"cross_entropy|nll|_loss|loss$|^mse|^bce"),
    ("convolution", r"conv"),
    ("pooling", r"pool"),
    ("normalisation", r"norm(_|$)"),
    ("linear map", r"^(linear|matmul|einsum|bmm|mm|dot|outer|tensordot)(_|$)"),
    ("softmax", r"softmax|logsumexp"),
    (
        "activation",
        r"^(relu|relu6|leaky_relu|prelu|rrelu|elu|selu|celu|gelu|gelu_tanh|silu|mish|tanh|sigmoid|logsigmoid|"
        r"threshold|hard\w+|soft(plus|sign|shrink)|tanhshrink)$",
    ),
    ("dropout", r"dropout"),
    (
        "indexing",
        r"^(getitem|setitem|put|gather|scatter\w*|index_\w+|take\w*|embedding|cat|stack|split|unbind|together)$",
    ),
    ("reduction", r"^(sum|sum_to|mean|var|std|prod|max|min|amax|amin|median|cumsum|any|all)$"),
    (
        "reshaping",
        r"^(reshape|permute|transpose|broadcast_to|flatten|squeeze|unsqueeze|flip|roll|pad|clone|astype|expand|tile"
        r"|repeat_each|tril|triu|place_diagonal)$",
    ),
)


class Look(NamedTuple):
    """How a category is drawn by Graphviz."""

    shape: str
    style: str
    fill: str
    line: str
    font: str = "#111827"

    @property
    def margin(self) -> str:
        """Inches beside and above the text: an ellipse has room anyway, the lid of a 3-d box takes some away."""
        return {"ellipse": "0.05,0.02", "box3d": "0.14,0.12"}.get(self.shape, "0.11,0.06")


# Boxes, ellipses and Graphviz's variants of the box: other polygons grow to twice the size of the text in them.
LOOKS = {
    "convolution": Look("box", "rounded,filled", "#dcfce7", "#15803d"),
    "linear map": Look("component", "filled", "#d1fae5", "#047857"),
    "activation": Look("ellipse", "filled", "#fef9c3", "#a16207"),
    "softmax": Look("folder", "filled", "#ffedd5", "#c2410c"),
    "loss": Look("box", "filled,bold", "#fee2e2", "#b91c1c"),
    "pooling": Look("box3d", "filled", "#f3e8ff", "#7e22ce"),
    "normalisation": Look("folder", "filled", "#e0f2fe", "#0369a1"),
    "dropout": Look("ellipse", "filled,dashed", "#fef9c3", "#a16207"),
    "reshaping": Look("box", "filled", "#f3f4f6", "#9ca3af"),
    "indexing": Look("box", "filled,diagonals", "#f3f4f6", "#6b7280"),
    "reduction": Look("tab", "filled", "#fce7f3", "#be185d"),
    "elementwise": Look("ellipse", "filled", "#ffffff", "#374151"),
    "operation": Look("box", "filled", "#ffffff", "#374151"),
    "module": Look("box3d", "filled", "#f8fafc", "#334155"),
    "tensor": Look("box", "filled,rounded", "#ffffff", "#64748b"),
    "parameter": Look("note", "filled", "#f5e6d3", "#92400e"),
    "input": Look("box", "filled,rounded,bold", "#dbeafe", "#1d4ed8"),
    "constant": Look("plaintext", "", "#ffffff", "#6b7280", "#4b5563"),
}


def category_of(primitive: Primitive) -> str:
    """A primitive's category, by its name, else by what its registration says about it."""
    named = _named(primitive.name)
    return named or ("elementwise" if primitive.elementwise else "reshaping" if primitive.view else "operation")


@functools.lru_cache(1024)
def _named(name: str) -> str | None:
    return next((category for category, pattern in PATTERNS if re.search(pattern, name)), None)
