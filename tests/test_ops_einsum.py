"""What the rows of einsum do not show: its errors, its spellings, which products it makes, and at what cost."""

import itertools
import time

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops import contract, linalg
from tests.op_table.einsum import naive


def drawn(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def leaves(*arrays):
    return [tg.tensor(array, requires_grad=True) for array in arrays]


# Labels


def test_repeated_labels_are_diagonals_T37():
    (x,) = drawn((3, 3))
    assert tg.einsum("ii", x) == pytest.approx(x[0, 0] + x[1, 1] + x[2, 2])
    np.testing.assert_array_equal(tg.einsum("ii->i", x), [x[0, 0], x[1, 1], x[2, 2]])
    (leaf,) = leaves(x)
    tg.einsum("ii->i", leaf).backward(tg.tensor(np.array([1.0, 2.0, 3.0])))
    np.testing.assert_array_equal(leaf.grad.data, np.diag([1.0, 2.0, 3.0]))


def test_size_1_broadcasts_T37():
    x, y = leaves(*drawn((1,), (3,)))
    out = tg.einsum("i,i", x, y)
    out.backward()
    assert out.item() == pytest.approx(float((x.data * y.data).sum()))
    np.testing.assert_allclose(x.grad.data, [y.data.sum()])
    np.testing.assert_allclose(y.grad.data, np.full(3, x.data[0]))


def test_a_label_that_one_operand_has_is_summed_T37():
    (x,) = leaves(*drawn((2, 3)))
    tg.einsum("ij->", x).backward()
    np.testing.assert_array_equal(x.grad.data, np.ones((2, 3)))


def test_an_ellipsis_matches_from_the_last_axis_T37():
    x, y = drawn((4, 2, 3), (3, 5))
    np.testing.assert_allclose(tg.einsum("...ij,jk", x, y), x @ y)
    a, b = drawn((2, 1, 3), (4, 3))
    np.testing.assert_allclose(tg.einsum("...i,...i->...", a, b), (a * b).sum(-1))


def test_the_implicit_output_has_capitals_first():
    (x,) = drawn((2, 3))
    assert tg.einsum("bA", x).shape == (3, 2)
    assert tg.einsum("aB", x).shape == (3, 2)


def test_spaces_mean_nothing():
    x, y = drawn((2, 3), (3, 4))
    np.testing.assert_array_equal(tg.einsum(" i j , j k -> i k ", x, y), tg.einsum("ij,jk->ik", x, y))


def test_operands_may_come_as_a_list():
    x, y = drawn((2, 3), (3, 4))
    np.testing.assert_array_equal(tg.einsum("ij,jk", [x, y]), x @ y)


def test_labels_may_be_numbers():
    x, y = drawn((2, 3), (3, 4))
    np.testing.assert_array_equal(tg.einsum(x, [0, 1], y, [1, 2], [2, 0]), (x @ y).T)
    np.testing.assert_array_equal(tg.einsum(x, [0, 1], y, [1, 2]), x @ y)
    np.testing.assert_array_equal(tg.einsum(tg.tensor(x), [..., 0], [0, ...]).data, x.T)
    # In the order of the numbers, on both sides of the 26 letters.
    assert tg.einsum(x, [30, 3]).shape == (3, 2)
    assert tg.einsum(x, [3, 30]).shape == (2, 3)


def test_the_result_is_not_an_operand():
    (x,) = drawn((2, 3))
    assert tg.einsum("ij", x) is not x
    t = tg.tensor(x)
    assert tg.einsum("ij->ij", t) is not t


def test_integers():
    x = np.arange(6, dtype=np.int32).reshape(2, 3)
    assert tg.einsum("ij->i", x).dtype == np.int64
    out = tg.einsum("ij,kj,l->ik", x, x, x[0])
    assert out.dtype == np.int32
    np.testing.assert_array_equal(out, x @ x.T * x[0].sum())


def test_empty_sums_are_0():
    x, y = leaves(np.zeros((2, 0)), np.zeros((0, 3)))
    out = tg.einsum("ij,jk", x, y)
    np.testing.assert_array_equal(out.data, np.zeros((2, 3)))
    out.sum().backward()
    assert x.grad.shape == (2, 0)
    assert y.grad.shape == (0, 3)


# Random equations, against loops


@pytest.mark.parametrize("seed", range(60))
def test_random_equations(seed):
    rng = np.random.default_rng(seed)
    sizes = {letter: int(rng.integers(1, 4)) for letter in "abcdX"}
    terms, operands = [], []
    for _ in range(int(rng.integers(1, 4))):
        letters = [str(c) for c in rng.choice(list(sizes), int(rng.integers(0, 4)))]
        shape = [sizes[c] for c in letters]
        term = "".join(letters)
        if rng.random() < 0.3:
            at = int(rng.integers(0, len(letters) + 1))
            shape.insert(at, int(rng.choice([1, 2])))
            term = f"{term[:at]}...{term[at:]}"
        terms.append(term)
        operands.append(rng.standard_normal(shape))
    equation = ",".join(terms)
    if rng.random() < 0.6:
        used = sorted(set(equation) - {",", "."})
        rng.shuffle(used)
        equation += "->" + "".join(used[: int(rng.integers(0, len(used) + 1))])
        equation += "..." if rng.random() < 0.7 else ""
    np.testing.assert_allclose(tg.einsum(equation, *operands), naive(*operands, equation=equation), atol=1e-12)
    assert tg.gradcheck(lambda *xs: tg.einsum(equation, *xs), leaves(*operands))


# Cost


def products_of(monkeypatch, equation, *operands):
    """The shapes of the matrix products that an equation makes."""
    seen = []

    def watched(x, y):
        seen.append((tuple(x.shape), tuple(y.shape)))
        return linalg._matmul(x, y)

    monkeypatch.setattr(contract, "_matmul", watched)
    tg.einsum(equation, *operands)
    return seen


def test_contractions_are_matrix_products(monkeypatch):
    x, y = drawn((2, 5, 3, 4), (2, 6, 3, 4))
    assert products_of(monkeypatch, "bqhd,bkhd->bhqk", x, y) == [((2, 3, 5, 4), (2, 3, 4, 6))]


def test_several_axes_are_joined(monkeypatch):
    x, y = drawn((2, 3, 4, 5), (4, 5, 6))
    assert products_of(monkeypatch, "abij,ijc->abc", x, y) == [((6, 20), (20, 6))]


def test_what_one_operand_alone_has_is_summed_first(monkeypatch):
    x, y = drawn((2, 3, 7), (3, 4))
    assert products_of(monkeypatch, "ijx,jk->ik", x, y) == [((2, 3), (3, 4))]


def test_small_products_come_first(monkeypatch):
    a, b, c = drawn((50, 40), (40, 30), (30,))
    assert products_of(monkeypatch, "ij,jk,k->i", a, b, c) == [((40, 30), (30, 1)), ((50, 40), (40, 1))]


def test_a_large_contraction_takes_no_longer_than_its_product():
    x, y = drawn((400, 400), (400, 400))

    def best(function):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(lambda: tg.einsum("ij,kj->ki", x, y)) < 3 * best(lambda: np.ascontiguousarray((x @ y.T).T)) + 1e-3


# Errors


@pytest.mark.parametrize(
    "equation, shapes, text",
    [
        ("ij,jk", [(2, 3), (4, 5)], "einsum: the label 'j' has size 3 in operand 0 and 4 in operand 1 of 'ij,jk'"),
        ("i,i,i", [(1,), (2,), (3,)], "einsum: the label 'i' has size 2 in operand 1 and 3 in operand 2 of 'i,i,i'"),
        ("ii", [(2, 3)], r"einsum: the label 'i' has the sizes 2 and 3 in operand 0 of 'ii', of shape \(2, 3\)"),
        ("ii", [(1, 3)], r"einsum: the label 'i' has the sizes 1 and 3 in operand 0 of 'ii', of shape \(1, 3\)"),
        ("...,...", [(2, 3), (4,)], "einsum: axis -1 of the ellipsis has size 3 in operand 0 and 4 in operand 1"),
        ("ij,jk", [(2, 3)], "einsum: 'ij,jk' is for 2 operands, 1 operand is given"),
        ("ij", [(2, 3), (3,)], "einsum: 'ij' is for 1 operands, 2 operands are given"),
        ("ijk", [(2, 3)], r"einsum: operand 0 of shape \(2, 3\) has 2 axes, 'ijk' in 'ijk' is for 3$"),
        ("i", [(2, 3)], r"einsum: operand 0 of shape \(2, 3\) has 2 axes, 'i' in 'i' is for 1$"),
        ("i...jk", [(2, 3)], r"operand 0 of shape \(2, 3\) has 2 axes, 'i...jk' in 'i...jk' is for 3 or more"),
        ("i->ii", [(2,)], "einsum: the output of 'i->ii' has the label 'i' more than once"),
        ("i->j", [(2,)], "einsum: the output of 'i->j' has the label 'j', which no operand has"),
        ("i1->i", [(2, 3)], "einsum: '1' in 'i1->i' is no label: labels are a-z and A-Z"),
        ("i->i->", [(2,)], "einsum: '-' in 'i->i->' is no label"),
        ("..i", [(2, 3)], "einsum: '.' in '..i' is no label: an ellipsis is three dots, once in each operand"),
        ("......", [(2, 3)], "einsum: '.' in '......' is no label: an ellipsis is three dots, once in each operand"),
    ],
)
def test_errors_of_equations(equation, shapes, text):
    with pytest.raises(tg.ShapeError, match=text):
        tg.einsum(equation, *drawn(*shapes))


def test_errors_of_arguments():
    x = np.ones(2)
    with pytest.raises(tg.DTypeError, match=r"^einsum: the dtypes differ: operand 0 float64, operand 1 float32; cast"):
        tg.einsum("i,i", x, x.astype(np.float32))
    with pytest.raises(tg.DTypeError, match=r"^einsum: booleans cannot be multiplied and summed: cast them"):
        tg.einsum("i,i", x > 0, x > 0)
    with pytest.raises(tg.DTypeError, match=r"^einsum: operand 1 is a str, not a tensor or an array"):
        tg.einsum("i,i", x, "x")
    with pytest.raises(tg.DTypeError, match=r"^einsum: equation is a NoneType, not a str such as 'ij,jk->ik'"):
        tg.einsum(None, x)
    with pytest.raises(tg.ShapeError, match=r"^einsum: an operand without an equation is followed by the list of its"):
        tg.einsum(x)
    with pytest.raises(tg.DTypeError, match=r"^einsum: the labels of an operand must be a list of numbers, got a str"):
        tg.einsum(x, "i")
    with pytest.raises(tg.ShapeError, match=r"^einsum: 52 is no label: they are numbers from 0 to 51 and \.\.\."):
        tg.einsum(x, [52])


def test_memory_layout_does_not_matter_T12():
    x, y = drawn((4, 6), (6, 5))
    right = np.einsum("ij,jk->ki", x, y)
    for a, b in itertools.product(layouts(x), layouts(y)):
        np.testing.assert_allclose(tg.einsum("ij,jk->ki", a, b), right, atol=1e-12)
    wide = np.broadcast_to(y[:1], (6, 5))
    np.testing.assert_allclose(tg.einsum("ij,jk->ki", x, wide), np.einsum("ij,jk->ki", x, wide), atol=1e-12)


def layouts(array):
    yield array
    yield np.asfortranarray(array)
    yield np.repeat(array, 2, 1)[:, ::2]
    yield np.flip(np.flip(array).copy())
