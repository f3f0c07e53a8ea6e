"""Linear algebra against PyTorch: random equations and shapes, extreme values, singular matrices, dtypes."""

import itertools
import math

import numpy as np
import pytest
import torch

import tensorgrad as tg
from tests.parity import tally
from tests.parity.test_ops_parity import pair

pytestmark = pytest.mark.parity

BOTH = [(tg, tg.linalg), (torch, torch.linalg)]


def both(call, *arrays, rtol=1e-10):
    """Values, gradients and second order of `call(library, its linalg, tensors)` are those of PyTorch.

    The second derivative is that of a weighted sum of the gradient's elements. Where it is 0, each side has what
    rounding leaves: it is measured by the gradient too.
    """
    pairs = [pair(array) for array in arrays]
    found = []
    for number, (lib, grad) in enumerate([(tg, tg.grad), (torch, torch.autograd.grad)]):
        make = (lambda a: tg.tensor(a)) if lib is tg else torch.tensor
        leaves = [each[number] for each in pairs]
        out = call(*BOTH[number], *leaves)
        weights = np.random.default_rng(5).standard_normal(tuple(out.shape))
        first = grad((out * make(weights)).sum(), leaves, create_graph=True)
        total = sum((g * make(np.random.default_rng(6).standard_normal(tuple(g.shape)))).sum() for g in first)
        second = grad(total, leaves, allow_unused=True) if total.requires_grad else [None] * len(leaves)
        second = [np.zeros(g.shape) if s is None else arrayed(s) for s, g in zip(second, first, strict=True)]
        found.append(([arrayed(out)], [arrayed(g) for g in first], second))
    scale = 0.0
    for what, ours, theirs in zip(tally.ALL, *found, strict=True):
        scale = max([scale, *[np.max(np.abs(right), initial=0.0) for right in theirs]])
        for one, right in zip(ours, theirs, strict=True):
            assert one.shape == right.shape
            np.testing.assert_allclose(one, right, rtol=rtol, atol=rtol * scale, err_msg=what)
    tally.count(*tally.ALL)


def arrayed(tensor):
    return tensor.detach().data if isinstance(tensor, tg.Tensor) else tensor.detach().numpy(force=True)


# einsum


def equation_of(rng):
    """A random equation, and operands that it takes."""
    sizes = {letter: int(rng.integers(1, 4)) for letter in "abcdeXY"}
    hidden = [int(n) for n in rng.integers(1, 4, 2)]
    dotted = rng.random() < 0.4
    terms, shapes = [], []
    for _ in range(int(rng.integers(1, 5))):
        letters = [str(letter) for letter in rng.choice(list(sizes), int(rng.integers(0, 4)))]
        # A letter's size is 1 in some operands, then in all axes of these that have it.
        ones = {letter for letter in letters if rng.random() < 0.15}
        shape = [1 if letter in ones else sizes[letter] for letter in letters]
        term = "".join(letters)
        if dotted and rng.random() < 0.7:
            at, count = int(rng.integers(0, len(letters) + 1)), int(rng.integers(0, 3))
            shape[at:at] = [n if rng.random() > 0.2 else 1 for n in hidden[2 - count :]]
            term = f"{term[:at]}...{term[at:]}"
        terms.append(term)
        shapes.append(shape)
    equation = ",".join(terms)
    if rng.random() < 0.6:
        used = sorted(set(equation) - {",", "."})
        rng.shuffle(used)
        output = "".join(used[: int(rng.integers(0, len(used) + 1))])
        at = int(rng.integers(0, len(output) + 1))
        equation += "->" + (f"{output[:at]}...{output[at:]}" if dotted and rng.random() < 0.8 else output)
    return equation, [rng.standard_normal(shape) for shape in shapes]


@pytest.mark.parametrize("seed", range(300))
def test_random_equations(seed):
    equation, operands = equation_of(np.random.default_rng(seed))
    both(lambda lib, _, *tensors: lib.einsum(equation, *tensors), *operands)
    try:
        right = np.einsum(equation, *operands)
    except ValueError:
        return  # NumPy wants the ellipsis in the output
    np.testing.assert_allclose(tg.einsum(equation, *operands), right, atol=1e-12)
    tally.count("values")


def test_numpy_takes_most_equations():
    taken = 0
    for seed in range(300):
        equation, operands = equation_of(np.random.default_rng(seed))
        try:
            np.einsum(equation, *operands)
        except ValueError:
            continue
        taken += 1
    assert taken > 200


@pytest.mark.parametrize(
    "equation, shapes",
    [
        ("ii", [(1, 3)]),
        ("i,i", [(2,), (3,)]),
        ("i->ii", [(2,)]),
        ("i->j", [(2,)]),
        ("ij", [(2,)]),
        ("i", [(2, 3)]),
        ("i,j", [(2,)]),
        ("1", [(2,)]),
        ("..i", [(2,)]),
        ("......", [(2,)]),
        ("i->i->", [(2,)]),
        ("i.j..", [(2, 3)]),
    ],
)
def test_what_pytorch_refuses_is_refused(equation, shapes):
    arrays = [np.ones(shape) for shape in shapes]
    with pytest.raises(RuntimeError):
        torch.einsum(equation, *map(torch.tensor, arrays))
    with pytest.raises(tg.ShapeError):
        tg.einsum(equation, *arrays)


@pytest.mark.parametrize("seed", range(20))
def test_random_sublists(seed):
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(52)[:4].tolist()
    sizes = dict(zip(numbers, [2, 3, 1, 4], strict=True))
    lists = [[int(n) for n in rng.choice(numbers, 2, replace=False)] for _ in range(2)]
    arrays = [rng.standard_normal([sizes[n] for n in labels]) for labels in lists]
    args = lambda make: [v for a, labels in zip(arrays, lists, strict=True) for v in (make(a), labels)]  # noqa: E731
    right = torch.einsum(*args(torch.tensor)).numpy()
    np.testing.assert_allclose(tg.einsum(*args(tg.tensor)).data, right, atol=1e-12)
    tally.count("values")


# matmul and its relations


LEADS = [(), (1,), (3,), (2, 1), (1, 3), (2, 3), (0, 1)]


@pytest.mark.parametrize("left", [*[(*lead, 2, 4) for lead in LEADS], (4,)], ids=str)
def test_matmul_in_all_its_broadcasting(left):
    rng = np.random.default_rng(0)
    tried = 0
    for right in [*[(*lead, 4, 3) for lead in LEADS], (4,)]:
        try:
            np.broadcast_shapes(left[:-2], right[:-2])
        except ValueError:
            with pytest.raises(tg.ShapeError):
                tg.matmul(np.ones(left), np.ones(right))
            continue
        both(lambda lib, linalg, x, y: linalg.matmul(x, y), rng.standard_normal(left), rng.standard_normal(right))
        tried += 1
    assert tried > 4


@pytest.mark.parametrize("seed", range(40))
def test_random_tensordots(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 4, int(rng.integers(1, 4))).tolist()
    other = [*rng.integers(1, 4, int(rng.integers(0, 3))).tolist()]
    count = int(rng.integers(0, len(shape) + 1))
    ours = rng.permutation(len(shape))[:count].tolist()
    theirs = rng.permutation(len(other) + count)[:count].tolist()
    sizes = [shape[i] if rng.random() > 0.2 else 1 for i in ours]
    for place, size in sorted(zip(theirs, sizes, strict=True)):
        other.insert(place, size)
    dims = (ours, theirs)
    both(lambda lib, _, a, b: lib.tensordot(a, b, dims), *map(rng.standard_normal, (shape, other)))


@pytest.mark.parametrize("seed", range(20))
def test_random_chains(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, int(rng.integers(3, 7))).tolist()
    shapes = [list(pair) for pair in itertools.pairwise(sizes)]
    if seed % 3 == 0:
        shapes[0] = shapes[0][1:]
    if seed % 2 == 0:
        shapes[-1] = shapes[-1][:1]
    both(lambda lib, linalg, *tensors: linalg.multi_dot(tensors), *map(rng.standard_normal, shapes))


@pytest.mark.parametrize("seed", range(20))
def test_random_kroneckers(seed):
    rng = np.random.default_rng(seed)
    shapes = [rng.integers(1, 4, int(rng.integers(0, 4))).tolist() for _ in range(2)]
    both(lambda lib, _, a, b: lib.kron(a, b), *map(rng.standard_normal, shapes))


# Equations and decompositions


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("seed", range(15))
def test_random_equations_of_matrices(seed, left):
    rng = np.random.default_rng(seed)
    n, k = rng.integers(1, 4, 2).tolist()
    lead = rng.integers(1, 4, int(rng.integers(0, 3))).tolist()
    leads = [
        [1 if rng.random() < 0.3 else size for size in lead][int(rng.integers(0, len(lead) + 1)) :] for _ in range(2)
    ]
    a = rng.standard_normal((*leads[0], n, n)) + 3 * np.eye(n)
    b = rng.standard_normal((*leads[1], n, k) if left else (*leads[1], k, n))
    if left and seed % 4 == 0:
        b = rng.standard_normal((*leads[0], n))
    if not left and b.shape == a.shape[:-1]:
        b = b[None]  # PyTorch takes it for vectors here too, and then refuses them
    both(lambda lib, linalg, a, b: linalg.solve(a, b, left=left), a, b)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (3, 2, 2), (2, 1, 3, 3)], ids=str)
def test_functions_of_square_matrices(shape):
    a = np.random.default_rng(0).standard_normal(shape)
    regular = a + 3 * np.eye(shape[-1])
    for call in [
        lambda lib, linalg, a: linalg.inv(a),
        lambda lib, linalg, a: linalg.det(a),
        lambda lib, linalg, a: linalg.slogdet(a)[1],
        lambda lib, linalg, a: lib.logdet(a @ a.mT if lib is torch else a @ a.transpose(-1, -2)),
        lambda lib, linalg, a: lib.matrix_power(a, 3),
        lambda lib, linalg, a: lib.matrix_power(a, -2),
        lambda lib, linalg, a: linalg.cholesky(a @ a.transpose(-1, -2)),
        lambda lib, linalg, a: linalg.cholesky(a @ a.transpose(-1, -2), upper=True),
        lambda lib, linalg, a: linalg.eigh(a + a.transpose(-1, -2))[0],
        lambda lib, linalg, a: linalg.eigh(a + a.transpose(-1, -2), "U")[1] ** 2,
        lambda lib, linalg, a: linalg.svdvals(a),
    ]:
        both(lambda lib, linalg, a, call=call: call(lib, linalg, a), regular)


@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5), (2, 4, 3), (3, 1, 2)], ids=str)
def test_functions_of_any_matrices(shape):
    a = np.random.default_rng(1).standard_normal(shape)
    both(lambda lib, linalg, a: linalg.qr(a)[0], a)
    both(lambda lib, linalg, a: linalg.qr(a)[1], a)
    both(lambda lib, linalg, a: linalg.svd(a, full_matrices=False)[0] ** 2, a)
    both(lambda lib, linalg, a: linalg.svd(a, full_matrices=False)[2] ** 2, a)


def test_gradients_of_one_triangle_are_pytorchs():
    """The matrix itself is the leaf, not what makes it symmetric: the whole gradient is compared, both triangles."""
    a = np.random.default_rng(0).standard_normal((3, 3))
    a = a @ a.T + np.eye(3)
    for call in (
        lambda lib, linalg, a: linalg.cholesky(a),
        lambda lib, linalg, a: linalg.cholesky(a, upper=True),
        lambda lib, linalg, a: linalg.eigh(a)[0],
        lambda lib, linalg, a: linalg.eigh(a)[1] ** 2,
    ):
        both(call, a)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_determinants_of_singular_matrices(size, rank):
    """PyTorch is right about them with `create_graph` alone: without, it gives zeros for many."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        a = rng.integers(1, 5, (size, rank)) @ rng.integers(1, 5, (rank, size)).astype(np.float64)
        ours, theirs = pair(a)
        tg.det(ours).backward()
        (right,) = torch.autograd.grad(torch.det(theirs), theirs, create_graph=True)
        np.testing.assert_allclose(ours.grad.data, right.detach().numpy(), atol=1e-10)
        tally.count("gradients")


# Norms


VECTORS = [
    [0.0, 0.0],
    [3.0, -3.0, 1.0],
    [0.0, 2.0, -2.0],
    [np.inf, 1.0],
    [-np.inf, np.inf],
    [np.nan, 1.0],
    [-0.0, 5.0],
]
ORDERS = [0, 0.5, 1, 1.5, 2, 3, math.inf, -math.inf, -1, -2.5]


@pytest.mark.parametrize("order", ORDERS)
def test_norms_of_extreme_values(order):
    for values in VECTORS:
        ours, theirs = pair(np.array(values))
        out, right = tg.linalg.vector_norm(ours, order), torch.linalg.vector_norm(theirs, order)
        np.testing.assert_allclose(out.item(), right.item(), rtol=1e-14, err_msg=f"{values}")
        tally.count("values")
        out.backward()
        if order == 0:
            assert not ours.grad.data.any()  # PyTorch has none at all
            continue
        right.backward()
        np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), rtol=1e-13, err_msg=f"{values}")
        tally.count("gradients")


@pytest.mark.parametrize("order", ORDERS)
def test_norms_over_axes(order):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    x[0, 1, 2] = 0
    for dim, keepdim in itertools.product([None, 0, -1, (0, 2), (2, 1), [0]], [True, False]):
        if order in (0, 0.5, 1.5, -1, -2.5):
            x[x == 0] = 0.3  # there, PyTorch's second derivative is nan
        if order == 0:
            assert not tg.grad(
                tg.linalg.vector_norm(pair(x)[0], 0, dim, keepdim).sum(), [pair(x)[0]], allow_unused=True
            )[0]
            continue
        both(lambda lib, linalg, x, d=dim, k=keepdim: linalg.vector_norm(x, order, d, k), x)
        both(lambda lib, linalg, x, d=dim, k=keepdim: lib.norm(x, order, d, k), x)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
def test_norms_of_matrices(order):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for dim, keepdim in itertools.product([(-2, -1), (0, 1), (2, 0)], [True, False]):
        both(lambda lib, linalg, x, d=dim, k=keepdim: linalg.matrix_norm(x, order, d, k), x)
        both(lambda lib, linalg, x, d=dim, k=keepdim: linalg.norm(x, order, d, k), x)
    both(lambda lib, linalg, x: linalg.norm(x, order), x[0])


def test_ties_of_norms_of_matrices():
    for order, x in itertools.product([1, -1, math.inf, -math.inf], [np.ones((2, 3)), np.array([[1.0, -1], [-1, 1]])]):
        ours, theirs = pair(x)
        tg.linalg.matrix_norm(ours, order).backward()
        torch.linalg.matrix_norm(theirs, order).backward()
        np.testing.assert_array_equal(ours.grad.data, theirs.grad.numpy())
        tally.count("gradients")


# dtypes


DTYPES = [np.bool_, np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64]


def attempt(call, make, dtypes):
    """The result's dtype, or None where it is refused."""
    values = [np.array([[2, 1], [1, 3]]), np.array([[1, 1], [1, 0]])]
    try:
        out = call(*[make(v.astype(d)) for v, d in zip(values, dtypes, strict=False)])
    except (RuntimeError, TypeError, ValueError, NotImplementedError):
        return None
    return str(out.dtype).removeprefix("torch.")


@pytest.mark.parametrize(
    "name",
    ["mm", "inner", "kron", "tensordot", "matmul", "trace", "det", "inverse", "cholesky", "norm", "logdet"],
)
def test_dtypes(name):
    """What PyTorch takes, we take, with its dtype."""
    unary = name in ("trace", "det", "inverse", "cholesky", "norm", "logdet")
    for dtypes in itertools.product(DTYPES, repeat=1 if unary else 2):
        theirs = attempt(getattr(torch, name), torch.tensor, dtypes)
        ours = attempt(getattr(tg, name), tg.tensor, dtypes)
        assert theirs is None or ours == theirs, (name, dtypes, ours, theirs)
        if name not in ("mm", "inner", "tensordot", "matmul", "trace"):
            assert ours == theirs, (name, dtypes)  # products of booleans, which PyTorch lacks, count them as NumPy's do
        tally.count("values")
