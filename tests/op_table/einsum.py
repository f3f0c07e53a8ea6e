"""Rows of einsum, against loops over all values of all labels."""

import itertools
import math

import numpy as np

from tensorgrad.ops.einsum import einsum

from .row import Row

KINKS: dict[str, str] = {}


def naive(*operands, equation):
    """For every value of every label, the product of the elements there, added where the output's labels point.

    The ellipsis stands for the labels 0, 1, ... here, of which the last is the last axis.
    """
    inputs, _, output = equation.replace(" ", "").partition("->")
    rank = max(
        (
            x.ndim - len(term.replace("...", ""))
            for term, x in zip(inputs.split(","), operands, strict=True)
            if "..." in term
        ),
        default=0,
    )
    terms = []
    for term, x in zip(inputs.split(","), operands, strict=True):
        count = x.ndim - len(term.replace("...", ""))
        terms.append(term.replace("...", "0123"[rank - count : rank]))
    if "->" not in equation:
        letters = "".join(terms)
        output = "..." + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c.isalpha()))
    output = output.replace("...", "0123"[:rank])
    labels = sorted(set("".join(terms)))
    sizes = dict.fromkeys(labels, 1)
    for term, x in zip(terms, operands, strict=True):
        for c, n in zip(term, x.shape, strict=True):
            sizes[c] = n if n != 1 else sizes[c]
    out = np.zeros([sizes[c] for c in output])
    for values in itertools.product(*[range(sizes[c]) for c in labels]):
        at = dict(zip(labels, values, strict=True))
        out[tuple(at[c] for c in output)] += math.prod(
            x[tuple(at[c] if n != 1 else 0 for c, n in zip(term, x.shape, strict=True))]
            for term, x in zip(terms, operands, strict=True)
        )
    return out


CASES = [
    # one operand
    ("i", [(3,)]),
    ("ij->ji", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iii->i", [(2, 2, 2)]),
    ("iji->j", [(2, 3, 2)]),
    ("iijj->ij", [(2, 2, 3, 3)]),
    ("bA", [(2, 3)]),
    ("...i->...", [(2, 2, 3)]),
    ("i...->...i", [(2, 1, 3)]),
    ("...ij->ij", [(2, 2, 3)]),
    ("", [()]),
    ("ii->i", [(0, 0)]),
    # two
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("ji,kj->ik", [(3, 2), (4, 3)]),
    ("i,i", [(3,), (3,)]),
    ("i,i->i", [(3,), (3,)]),
    ("i,j->ij", [(3,), (2,)]),
    ("ij,ij->i", [(2, 3), (2, 3)]),
    ("bij,bjk->bik", [(2, 2, 3), (2, 3, 2)]),
    ("bhqd,bkhd->bhqk", [(2, 2, 2, 3), (2, 2, 2, 3)]),
    ("ijk,k->ij", [(2, 2, 3), (3,)]),
    ("ijk,lk->", [(2, 2, 3), (2, 3)]),
    ("ii,i->i", [(3, 3), (3,)]),
    ("ij,kl->ijkl", [(2, 2), (1, 3)]),
    (",i->i", [(), (3,)]),
    ("...ij,jk", [(2, 2, 3), (3, 2)]),
    ("...i,...i->...", [(2, 1, 3), (2, 3)]),
    ("i...j,j->...", [(2, 2, 2), (2,)]),
    # size 1 broadcasts
    ("i,i", [(1,), (3,)]),
    ("ij,jk->ik", [(2, 1), (3, 2)]),
    ("ij,ij->ij", [(1, 3), (2, 1)]),
    ("ij,j->i", [(2, 1), (1,)]),
    ("ii,i->i", [(1, 1), (3,)]),
    # nothing there
    ("ij,jk->ik", [(2, 0), (0, 3)]),
    ("ij,jk->ik", [(0, 2), (2, 3)]),
    # more
    ("ij,jk,kl->il", [(2, 3), (3, 2), (2, 2)]),
    ("i,ij,j->", [(2,), (2, 3), (3,)]),
    ("bn,anm,bm->ba", [(2, 2), (3, 2, 3), (2, 3)]),
    ("i,j,k,l->lkji", [(2,), (1,), (2,), (2,)]),
    ("ij,ik,il->jkl", [(2, 2), (2, 1), (2, 2)]),
    ("...a,ab,bc->...c", [(2, 2), (2, 2), (2, 3)]),
]
ROWS = [
    Row(
        einsum,
        naive,
        shapes,
        {"equation": equation},
        call=lambda *operands, equation: einsum(equation, *operands),
    )
    for equation, shapes in CASES
]
