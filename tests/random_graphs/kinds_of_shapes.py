"""Kinds of operation on tensors of certain shapes: matrices, layers, losses. With kinds.py, they are all in KINDS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .kinds import KINDS as KINDS
from .kinds import kind
from .kinks import apart, from_window_ties, from_zero

if TYPE_CHECKING:
    from .builder import Builder


def of_shape(table: dict[str, tuple[str, tuple[tuple[int, ...], ...]]], kink: Any = None) -> None:
    """Kinds of tensors of certain shapes: {a}, {b}, {c}: of the program, reshaped, or new leaves."""
    for name, (template, shapes) in table.items():

        def draw(b: Builder, template: str = template, shapes: tuple[tuple[int, ...], ...] = shapes) -> Any:
            found = [b.shaped(shape) for shape in shapes]
            text = template.format(**dict(zip("abcde", found, strict=False)))
            return text, np.inf if kink is None else kink(*[b.value(x) for x in found])

        kind(name)(draw)


SQUARE = "({a} @ {a}.mT + 2.0 * m.eye(3, dtype=m.float64))"
of_shape(
    {
        "matmul": ("{a} @ {b}", ((2, 3), (3, 4))),
        "matmul of batches": ("m.matmul({a}, {b})", ((2, 2, 3), (3, 2))),
        "matrix and vector": ("{a} @ {b}", ((3, 4), (4,))),
        "mm": ("m.mm({a}, {b})", ((3, 2), (2, 3))),
        "mv": ("m.mv({a}, {b})", ((2, 3), (3,))),
        "bmm": ("m.bmm({a}, {a}.mT)", ((2, 2, 3),)),
        "dot": ("m.dot({a}, {b})", ((3,), (3,))),
        "inner": ("m.inner({a}, {b})", ((2, 3), (3, 3))),
        "outer": ("m.outer({a}, {b})", ((3,), (4,))),
        "kron": ("m.kron({a}, {b})", ((2, 1), (2, 3))),
        "trace": ("m.trace({a} * {a})", ((3, 3),)),
        "cross": ("m.cross({a}, {b}, dim=-1)", ((2, 3), (2, 3))),
        "tensordot": ("m.tensordot({a}, {b}, 1)", ((2, 2, 3), (3, 2))),
        "einsum": ("m.einsum('ij,kj->ik', {a}, {b})", ((2, 3), (3, 3))),
        "einsum of three": ("m.einsum('...ij,jk,k->...i', {a}, {b}, {c})", ((2, 2, 3), (3, 4), (4,))),
        "einsum of a diagonal": ("m.einsum('ii->i', {a})", ((3, 3),)),
        "addmm": ("m.addmm({c}, {a}, {b}, beta=0.5, alpha=0.3)", ((2, 3), (3, 4), (4,))),
        "baddbmm": ("m.baddbmm({b}, {a}, {a}.mT, alpha=0.3)", ((2, 2, 3), (2, 2))),
        "matrix_power": ("m.matrix_power({a} * 0.5, 3)", ((3, 3),)),
        "inv": (f"m.linalg.inv({SQUARE})", ((3, 3),)),
        "det": (f"m.linalg.det({SQUARE}) * 0.05", ((3, 3),)),
        "slogdet": (f"m.linalg.slogdet({SQUARE})[1]", ((3, 3),)),
        "solve": (f"m.linalg.solve({SQUARE}, {{b}})", ((3, 3), (3, 2))),
        "cholesky": (f"m.linalg.cholesky({SQUARE})", ((3, 3),)),
        "qr": (f"m.linalg.qr({SQUARE})[1]", ((3, 3),)),
        "linear": ("F.linear({a}, {b}, {c})", ((2, 3), (4, 3), (4,))),
        "bilinear": ("F.bilinear({a}, {b}, {c})", ((2, 2), (2, 3), (2, 2, 3))),
        "conv1d": ("F.conv1d({a}, {b}, {c}, padding=1)", ((1, 2, 4), (3, 2, 3), (3,))),
        "conv2d": ("F.conv2d({a}, {b}, stride=(1, 2), padding=1)", ((1, 2, 4, 5), (3, 2, 3, 2))),
        "conv2d of groups": ("F.conv2d({a}, {b}, {c}, groups=2, dilation=(2, 1))", ((1, 2, 4, 5), (2, 1, 2, 2), (2,))),
        "conv_transpose2d": ("F.conv_transpose2d({a}, {b}, stride=2, output_padding=1)", ((1, 2, 2, 3), (2, 1, 2, 2))),
        "avg_pool2d": ("F.avg_pool2d({a}, 2, stride=1, padding=1)", ((1, 2, 4, 5),)),
        "adaptive_avg_pool2d": ("F.adaptive_avg_pool2d({a}, (2, 3))", ((1, 2, 4, 5),)),
        "lp_pool2d": ("F.lp_pool2d({a} * {a} + 0.2, 3.0, 2)", ((1, 2, 4, 5),)),
        "batch_norm": ("F.batch_norm({a}, None, None, {b}, {c}, training=True, eps=0.1)", ((2, 3, 4, 4), (3,), (3,))),
        "layer_norm": ("F.layer_norm({a}, (3,), {b}, {c}, eps=0.1)", ((2, 3), (3,), (3,))),
        "group_norm": ("F.group_norm({a}, 1, {b}, eps=0.1)", ((1, 2, 4, 5), (2,))),
        "instance_norm": ("F.instance_norm({a}, eps=0.1)", ((1, 2, 4, 5),)),
        "rms_norm": ("F.rms_norm({a}, (3,), {b}, eps=0.1)", ((2, 3), (3,))),
        "local_response_norm": ("F.local_response_norm({a}, 2)", ((1, 2, 4, 5),)),
        "pad": ("F.pad({a}, (1, 2), value=0.5)", ((2, 3),)),
        "pad reflect": ("F.pad({a}, (1, 2, 1, 0), mode='reflect')", ((1, 2, 4, 5),)),
        "pad circular": ("F.pad({a}, (1, 2), mode='circular')", ((2, 2, 3),)),
        "interpolate": ("F.interpolate({a}, scale_factor=2, mode='nearest')[..., :3]", ((1, 2, 2, 3),)),
        "interpolate bilinear": ("F.interpolate({a}, size=(3, 2), mode='bilinear')", ((1, 2, 4, 5),)),
        "unfold": ("F.unfold({a}, 2, stride=2)", ((1, 2, 4, 5),)),
        "fold": ("F.fold({a}, (3, 3), 2)", ((1, 4, 4),)),
        "pixel_shuffle": ("F.pixel_shuffle({a}, 2)", ((1, 4, 2, 2),)),
        "embedding": ("F.embedding(m.tensor([[0, 2], [2, 2]]), {a})", ((3, 2),)),
        "glu": ("F.glu({a}, 1)", ((3, 4),)),
        "cosine_similarity": ("F.cosine_similarity({a} + 2.0, {b} + 2.0, dim=1)", ((2, 3), (2, 3))),
        "mse_loss": ("F.mse_loss({a}, {b})", ((2, 3), (2, 3))),
        "cross_entropy": ("F.cross_entropy({a}, m.tensor([2, 0]), label_smoothing=0.1)", ((2, 3),)),
        "cross_entropy of probabilities": ("F.cross_entropy({a}, {b}.softmax(1))", ((2, 3), (2, 3))),
        "nll_loss": ("F.nll_loss({a}.log_softmax(1), m.tensor([2, 0]), reduction='none')", ((2, 3),)),
        "binary_cross_entropy": (
            "F.binary_cross_entropy({a}.sigmoid(), m.full((2, 3), 0.3, dtype=m.float64))",
            ((2, 3),),
        ),
        "bce with logits": ("F.binary_cross_entropy_with_logits({a}, {b}.sigmoid())", ((2, 3), (2, 3))),
        "kl_div": ("F.kl_div({a}.log_softmax(1), {b}.softmax(1), reduction='sum')", ((2, 3), (2, 3))),
        "poisson_nll_loss": ("F.poisson_nll_loss({a}, {b} * {b})", ((2, 3), (2, 3))),
        "gaussian_nll_loss": ("F.gaussian_nll_loss({a}, {b}, {a} * {a} + 0.5)", ((2, 3), (2, 3))),
        "soft_margin_loss": ("F.soft_margin_loss({a}, m.ones(2, 3, dtype=m.float64))", ((2, 3),)),
    }
)
of_shape(
    {"max_pool2d": ("F.max_pool2d({a}, 2, stride=1, padding=1)", ((1, 2, 4, 5),))},
    lambda a: from_window_ties(a, (2, 2), 1),
)
of_shape(
    {"adaptive_max_pool2d": ("F.adaptive_max_pool2d({a}, (3, 5))", ((1, 2, 4, 5),))},
    lambda a: from_window_ties(a, (2, 1)),
)
of_shape({"max_pool1d": ("F.max_pool1d({a}, 2)", ((2, 2, 3),))}, lambda a: from_window_ties(a, (2,), 0, 2))
of_shape({"prelu": ("F.prelu({a}, {b})", ((2, 3), (3,)))}, lambda a, b: from_zero(a))
of_shape({"l1_loss": ("F.l1_loss({a}, {b}, reduction='sum')", ((2, 3), (2, 3)))}, apart)
of_shape(
    {
        "smooth_l1_loss": ("F.smooth_l1_loss({a}, {b}, beta=0.7)", ((2, 3), (2, 3))),
        "huber_loss": ("F.huber_loss({a}, {b}, delta=0.7)", ((2, 3), (2, 3))),
    },
    lambda a, b: from_zero(a - b, -0.7, 0.7),
)
of_shape(
    {
        "hinge_embedding_loss": (
            "F.hinge_embedding_loss({a}, m.tensor([[1.0, -1.0, -1.0]], dtype=m.float64))",
            ((1, 3),),
        )
    },
    lambda a: from_zero(a, 1),
)
