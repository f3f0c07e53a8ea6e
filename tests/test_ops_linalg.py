"""What the rows of linear algebra do not show: kinks, singular matrices, extremes, errors."""

import itertools
import math

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import linalg

ORDERS = [0, 0.5, 1, 1.5, 2, 3, math.inf, -math.inf, -1, -2.5]
MATRIX_ORDERS = ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf]


def leaf(values, dtype=np.float64):
    return tg.tensor(np.array(values, dtype), requires_grad=True)


def gradient(function, values, dtype=np.float64):
    x = leaf(values, dtype)
    function(x).sum().backward()
    return x.grad.data


def second(function, values):
    x = leaf(values)
    (g,) = tg.grad(function(x).sum(), x, create_graph=True)
    (found,) = tg.grad((g * g).sum(), x, allow_unused=True) if g.requires_grad else (None,)
    return np.zeros(x.shape) if found is None else found.data


# Norms


@pytest.mark.parametrize("order", ORDERS)
def test_the_norm_of_0_has_gradient_0_T31(order):
    for shape, dim in [((3,), None), ((), None), ((2, 3), 1), ((2, 3), (0, 1))]:
        zeros = np.zeros(shape)
        assert not gradient(lambda x, d=dim: linalg.vector_norm(x, order, d), zeros).any()
        assert not second(lambda x, d=dim: linalg.vector_norm(x, order, d), zeros).any()
        assert not gradient(lambda x, d=dim: tg.norm(x, order, d), zeros).any()


@pytest.mark.parametrize("order", MATRIX_ORDERS)
def test_the_norm_of_a_matrix_of_0_has_gradient_0_T31(order):
    assert not gradient(lambda x: linalg.matrix_norm(x, order), np.zeros((2, 2, 3))).any()
    assert not gradient(lambda x: linalg.norm(x, order), np.zeros((3, 3))).any()


@pytest.mark.parametrize("order", ORDERS)
def test_an_element_of_0_has_gradient_0(order):
    x = [0.0, 2.0, -2.0]
    assert gradient(lambda x: linalg.vector_norm(x, order), x)[0] == 0
    assert np.isfinite(second(lambda x: linalg.vector_norm(x, order), x)).all()


def test_norms_of_one_row_of_0_leave_the_others_alone():
    x = [[0.0, 0.0], [3.0, 4.0]]
    np.testing.assert_allclose(gradient(lambda x: tg.norm(x, dim=1), x), [[0, 0], [0.6, 0.8]])


def test_ties_of_the_largest_and_smallest_are_split():
    x = [3.0, -3.0, 1.0, -1.0]
    np.testing.assert_array_equal(gradient(lambda x: linalg.vector_norm(x, math.inf), x), [0.5, -0.5, 0, 0])
    np.testing.assert_array_equal(gradient(lambda x: linalg.vector_norm(x, -math.inf), x), [0, 0, 0.5, -0.5])
    columns = [[1.0, 1.0, 0.5], [1.0, 1.0, 0.5]]
    np.testing.assert_array_equal(gradient(lambda x: linalg.matrix_norm(x, 1), columns), [[0.5, 0.5, 0]] * 2)
    np.testing.assert_allclose(gradient(lambda x: linalg.matrix_norm(x, 2), np.eye(2)), np.eye(2) / 2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", [0.5, 1.5, 2, 3, 8, -1])
def test_norms_neither_overflow_nor_vanish_on_the_way(order, dtype):
    info = np.finfo(dtype)
    for scale in (float(info.max) / 64, float(info.tiny) * 4):
        x = leaf(np.array([3.0, -4.0, 1.0]) * scale, dtype)
        out = linalg.vector_norm(x, order)
        right = np.sum(np.array([3.0, 4.0, 1.0]) ** order) ** (1 / order)
        assert out.dtype == dtype
        np.testing.assert_allclose(float(out.item()) / scale, right, rtol=4 * float(info.eps))
        out.backward()
        ratios = np.array([3.0, -4.0, 1.0]) / right
        expected = np.sign(ratios) * np.abs(ratios) ** (order - 1)
        np.testing.assert_allclose(x.grad.data, expected, rtol=30 * float(info.eps))


def test_what_is_infinite_stays_so():
    with np.errstate(all="raise"):
        assert linalg.vector_norm(np.array([np.inf, 1.0])) == np.inf
        assert np.isnan(linalg.vector_norm(np.array([np.nan, 1.0])))
        assert linalg.vector_norm(np.array([np.inf, 1.0]), -1) == 1
        assert linalg.vector_norm(np.array([0.0, 1.0]), -1) == 0


def test_many_float16_ties_are_counted_T17():
    x = np.ones(70000, np.float16)
    assert linalg.vector_norm(x, 2) == np.float16(np.sqrt(70000))
    g = gradient(lambda x: linalg.vector_norm(x, math.inf), x, np.float16)
    assert g.astype(np.float64).sum() == pytest.approx(1, rel=1e-2)


def test_the_norm_of_nothing():
    assert linalg.vector_norm(np.ones(0)) == 0
    assert linalg.vector_norm(np.ones(0), 0) == 0
    assert linalg.vector_norm(np.ones((0, 2)), math.inf, 1).shape == (0,)
    for order in ("fro", "nuc", 1, 2, math.inf):
        assert linalg.matrix_norm(np.ones((0, 2)), order) == 0
    with pytest.raises(tg.ShapeError, match=r"^linalg.vector_norm: the norm of order -1 over nothing is undefined"):
        linalg.vector_norm(np.ones((2, 0)), -1, 1)
    with pytest.raises(tg.ShapeError, match=r"^linalg.matrix_norm: the norm of order -inf over nothing is undefined"):
        linalg.matrix_norm(np.ones((2, 0)), -2)


def test_orders_may_be_tensors():
    assert linalg.vector_norm(np.array([3.0, 4.0]), tg.tensor(2.0)) == 5


# Determinants


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_determinant_of_singular_matrices(rank):
    """Against the expansion by minors, which is exact for small integers."""
    rng = np.random.default_rng(rank)
    a = sum((np.outer(*rng.integers(1, 4, (2, 3))) for _ in range(rank)), np.zeros((3, 3)))
    cofactors = [[(-1) ** (i + j) * minor(a, i, j) for j in range(3)] for i in range(3)]
    np.testing.assert_allclose(gradient(tg.det, a), cofactors, atol=1e-12)
    np.testing.assert_allclose(gradient(linalg.det, np.stack([a, np.eye(3)])), [cofactors, np.eye(3)], atol=1e-12)
    assert tg.gradcheck(tg.det, [leaf(a)])
    assert tg.gradgradcheck(tg.det, [leaf(a)])


def test_determinants_of_nearly_singular_matrices():
    """The cofactors of [[1, 1], [1, 1 + h]] are [[1 + h, -1], [-1, 1]], with no digits lost by a division by h."""
    for h in (1e-3, 1e-6, 1e-12, 1e-15):
        found = gradient(tg.det, np.stack([np.array([[1.0, 1.0], [1.0, 1.0 + h]]), np.eye(2)]))
        np.testing.assert_allclose(found[0], [[1 + h, -1], [-1, 1]], rtol=1e-14 if h < 1e-4 else 1e-12)
        np.testing.assert_allclose(found[1], np.eye(2))


def minor(a, i, j):
    (p, q), (r, s) = np.delete(np.delete(a, i, 0), j, 1)
    return p * s - q * r


def test_third_derivatives_of_determinants():
    x = leaf(np.random.default_rng(0).standard_normal((3, 3)))

    def second_derivative(x):
        (g,) = tg.grad(tg.det(x), x, create_graph=True)
        (h,) = tg.grad((g * g * g).sum(), x, create_graph=True)
        return h

    assert tg.gradcheck(second_derivative, [x])
    singular = leaf([[1.0, 2.0], [2.0, 4.0]])
    (g,) = tg.grad(tg.det(singular), singular, create_graph=True)
    with pytest.raises(tg.LinAlgError, match=r"^linalg.inv: the matrix is singular"):
        tg.grad((g * g).sum(), singular, create_graph=True)


def test_determinants_of_what_is_not_finite():
    for value in (np.nan, np.inf):
        a = np.stack([np.array([[value, 1.0], [1.0, 2.0]]), np.eye(2)])
        found = gradient(tg.det, a)
        assert np.isnan(found[0]).all()
        np.testing.assert_array_equal(found[1], np.eye(2))


def test_slogdet_of_large_and_of_singular_matrices():
    big = np.eye(400) * 1e3
    result = linalg.slogdet(big)
    assert result.sign == 1
    assert result.logabsdet == pytest.approx(400 * math.log(1e3))
    result = tg.slogdet(tg.tensor(np.stack([np.zeros((2, 2)), -np.eye(2)])))
    np.testing.assert_array_equal(result.sign.data, [0, 1])
    np.testing.assert_array_equal(result.logabsdet.data, [-np.inf, 0])


def test_the_sign_has_gradient_0():
    assert not gradient(lambda x: linalg.slogdet(x).sign, np.zeros((2, 2))).any()


def test_logdet():
    np.testing.assert_array_equal(tg.logdet(np.array([[[-1.0]], [[0.0]], [[1.0]]])), [np.nan, -np.inf, 0])


def test_gradients_that_need_an_inverse_say_which_is_singular():
    a = leaf(np.stack([np.eye(2), np.zeros((2, 2))]))
    with pytest.raises(tg.LinAlgError, match=r"^linalg.inv: matrix 1 of the stack of shape \(2, 2, 2\) is singular"):
        linalg.slogdet(a).logabsdet.sum().backward()


# Inverses


SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: linalg.inv(SINGULAR), "linalg.inv: the matrix is singular"),
        (lambda: tg.inverse(SINGULAR), "linalg.inv: the matrix is singular"),
        (
            lambda: linalg.inv(np.stack([np.eye(2), SINGULAR])),
            r"linalg.inv: matrix 1 of the stack of shape \(2, 2, 2\) is singular",
        ),
        (
            lambda: linalg.solve(np.stack([[np.eye(2), np.eye(2)], [SINGULAR, np.eye(2)]]), np.ones(2)),
            r"linalg.solve: matrix \(1, 0\) of the stack of shape \(2, 2, 2, 2\) is singular",
        ),
        (lambda: tg.matrix_power(SINGULAR, -1), "linalg.inv: the matrix is singular"),
        (lambda: linalg.cholesky(-np.eye(2)), "linalg.cholesky: the matrix is not positive definite"),
        (
            lambda: tg.cholesky(np.stack([np.eye(2), np.eye(2), SINGULAR - 5])),
            r"linalg.cholesky: matrix 2 of the stack of shape \(3, 2, 2\) is not positive definite",
        ),
        (
            lambda: linalg.svd(np.full((2, 2), np.nan)),
            "linalg.svd: the matrix has no singular values: an inf or nan is in it",
        ),
    ],
)
def test_what_cannot_be_computed(call, text):
    with pytest.raises(tg.LinAlgError, match=f"^{text}"):
        call()
    with pytest.raises(np.linalg.LinAlgError):
        call()
    with pytest.raises(RuntimeError):
        call()


def test_a_stack_without_matrices_is_never_singular():
    assert linalg.inv(np.ones((0, 2, 2))).shape == (0, 2, 2)
    assert linalg.solve(np.ones((0, 2, 2)), np.ones((2, 1))).shape == (0, 2, 1)


def test_solve_takes_vectors_as_pytorch_does():
    stack = np.stack([np.eye(2) * n for n in (1, 2, 4)])
    b = np.arange(1.0, 7.0).reshape(3, 2)
    np.testing.assert_array_equal(linalg.solve(stack, b), b / [[1], [2], [4]])  # three vectors
    np.testing.assert_array_equal(linalg.solve(stack, b[0]), b[0] / np.array([[1], [2], [4]]))  # one
    assert linalg.solve(stack, b[:2]).shape == (3, 2, 2)  # a matrix
    square = np.stack([np.eye(2)] * 2)
    assert linalg.solve(square, np.ones((2, 2))).shape == (2, 2)  # two vectors


# Decompositions


def test_cholesky_reads_one_triangle_and_gives_a_symmetric_gradient():
    a = np.array([[2.0, 9.0], [1.0, 2.0]])
    right = np.linalg.cholesky(np.array([[2.0, 1.0], [1.0, 2.0]]))
    np.testing.assert_array_equal(linalg.cholesky(a), right)
    np.testing.assert_array_equal(linalg.cholesky(a.T, upper=True), right.T)
    for function in (linalg.cholesky, lambda x: linalg.cholesky(x, upper=True)):
        found = gradient(function, [[2.0, 1.0], [1.0, 2.0]])
        np.testing.assert_array_equal(found, found.T)


def test_eigh_reads_one_triangle():
    a = np.array([[2.0, 9.0], [1.0, 2.0]])
    np.testing.assert_allclose(linalg.eigh(a).eigenvalues, [1, 3])
    np.testing.assert_allclose(linalg.eigvalsh(a, "U"), [-7, 11])


def test_equal_eigenvalues_have_gradients_but_their_vectors_have_not():
    weights = tg.tensor(np.array([1.0, 2.0]))
    np.testing.assert_allclose(gradient(lambda x: linalg.eigh(x)[0] * weights, np.eye(2)), np.diag([1.0, 2.0]))
    np.testing.assert_allclose(gradient(lambda x: linalg.svdvals(x).sum(), np.eye(2)), np.eye(2))
    with np.errstate(all="raise"):
        mixed = tg.tensor(np.array([[1.0, 2.0], [3.0, 4.0]]))
        assert not np.isfinite(gradient(lambda x: linalg.eigh(x)[1] * mixed, np.eye(2))).any()


def test_qr_modes():
    a = np.random.default_rng(0).standard_normal((4, 2))
    full, thin, alone = linalg.qr(a, "complete"), linalg.qr(a), linalg.qr(a, "r")
    assert full.Q.shape == (4, 4)
    assert full.R.shape == (4, 2)
    np.testing.assert_allclose(full.Q @ full.R, a, atol=1e-14)
    np.testing.assert_allclose(full.Q.T @ full.Q, np.eye(4), atol=1e-14)
    np.testing.assert_allclose(thin.Q, full.Q[:, :2])
    np.testing.assert_array_equal(alone.R, thin.R)
    assert alone.Q.shape == (0,)
    assert linalg.qr(np.ones((3, 0)), "complete").Q.shape == (3, 3)
    assert linalg.qr(np.ones((0, 3))).R.shape == (0, 3)


def test_what_a_matrix_does_not_determine_has_no_gradient():
    a = leaf(np.random.default_rng(0).standard_normal((4, 2)))
    q, r = linalg.qr(a, "complete")
    r.sum().backward(retain_graph=True)
    with pytest.raises(tg.GradientError, match=r"^linalg.qr: in mode 'complete', the Q of a 4 by 2 matrix is not det"):
        q.sum().backward()
    u, s, vh = linalg.svd(a)
    assert u.shape == (4, 4)
    (s.sum() + (vh * vh).sum()).backward(retain_graph=True)
    with pytest.raises(
        tg.GradientError, match=r"^linalg.svd: with full_matrices=True, the U of a 4 by 2 matrix is not"
    ):
        u.sum().backward()
    with pytest.raises(
        tg.GradientError, match=r"^linalg.svd: with full_matrices=True, the Vh of a 2 by 4 matrix is not"
    ):
        linalg.svd(a.transpose(0, 1)).Vh.sum().backward()


@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5), (2, 3, 4)])
def test_svd_puts_the_matrix_together_again(shape):
    a = np.random.default_rng(0).standard_normal(shape)
    u, s, vh = linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose((u * s[..., None, :]) @ vh, a, atol=1e-14)
    # And its gradients: what is put together is the matrix itself, whose gradient is that of the sum.
    weights = tg.tensor(np.random.default_rng(1).standard_normal(shape))

    def again(x):
        u, s, vh = linalg.svd(x, full_matrices=False)
        return (u * s.unsqueeze(-2)) @ vh * weights

    np.testing.assert_allclose(gradient(again, a), weights.data, atol=1e-12)


# Products


def test_matrix_powers_take_few_products():
    x = leaf(np.array([[1.0, 1.0], [1.0, 0.0]]))
    out = tg.matrix_power(x, 64)
    assert out.data[0, 1] == 10610209857723  # Fibonacci's 64th number
    depth, node = 0, out.grad_fn
    while node is not None:
        depth, edge = depth + 1, node.edges[0]
        node = edge[0] if isinstance(edge, tuple) else None
    assert depth == 6
    np.testing.assert_array_equal(tg.matrix_power(x, 0).data, np.eye(2))
    np.testing.assert_array_equal(gradient(lambda x: tg.matrix_power(x, 0), x.data), np.zeros((2, 2)))
    assert tg.matrix_power(x, 1) is not x
    assert tg.matrix_power(np.array([[2]]), 3).dtype == np.int64


def test_multi_dot_takes_the_cheapest_order():
    rng = np.random.default_rng(0)
    a, b, c = (
        leaf(rng.standard_normal((2, 30))),
        leaf(rng.standard_normal((30, 40))),
        leaf(rng.standard_normal((40, 1))),
    )
    out = linalg.multi_dot([a, b, c])
    np.testing.assert_allclose(out.data, a.data @ b.data @ c.data)
    # a @ (b @ c) takes 30 x 40 x 1 + 2 x 30 x 1 multiplications, (a @ b) @ c 2 x 30 x 40 + 2 x 40 x 1.
    assert out.grad_fn.edges[0] is a
    assert out.grad_fn.edges[1] is not c


def test_beta_0_ignores_what_is_added():
    bad = leaf(np.full((2, 2), np.nan))
    out = tg.addmm(bad, np.eye(2), np.eye(2), beta=0)
    np.testing.assert_array_equal(out.data, np.eye(2))
    out.sum().backward()
    np.testing.assert_array_equal(bad.grad.data, np.zeros((2, 2)))


def test_integer_products():
    x = np.arange(6, dtype=np.int32).reshape(2, 3)
    for out, right in [
        (tg.mm(x, x.T), x @ x.T),
        (tg.mv(x, x[0]), x @ x[0]),
        (tg.dot(x[0], x[1]), x[0] @ x[1]),
        (tg.inner(x, x), x @ x.T),
        (tg.addmm(x[:, :2], x, x.T, beta=2), 2 * x[:, :2] + x @ x.T),
        (tg.linalg.cross(x, x[::-1]), np.cross(x, x[::-1])),
    ]:
        np.testing.assert_array_equal(out, right)
        assert out.dtype == np.int32
    assert tg.trace(x).dtype == np.int64
    assert tg.kron(tg.tensor(x), tg.tensor(x.astype(np.float32))).dtype == np.float32


def test_tensordot_takes_a_tensor_of_axes():
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(tg.tensordot(x, x, tg.tensor([[1], [1]])), x @ x.T)


def test_methods_are_the_functions():
    x = tg.tensor(np.array([[2.0, 1.0], [1.0, 3.0]]))
    v = tg.tensor(np.array([1.0, 2.0]))
    for name, args in [
        *[(n, ()) for n in ("det", "slogdet", "logdet", "inverse", "cholesky", "trace", "norm")],
        *[(n, (x,)) for n in ("mm", "kron", "inner")],
        ("mv", (v,)),
        ("matrix_power", (3,)),
        ("addmm", (x, x)),
        ("addr", (v, v)),
    ]:
        pairs = zip(as_tuple(getattr(x, name)(*args)), as_tuple(getattr(tg, name)(x, *args)), strict=True)
        assert all(np.array_equal(a.data, b.data) for a, b in pairs)
    assert v.dot(v).item() == v.vdot(v).item() == 5
    assert np.array_equal(v.addmv(x, v).data, (v + x @ v).data)
    assert v.outer(v).shape == (2, 2)
    stack = x.unsqueeze(0)
    assert stack.bmm(stack).shape == stack.baddbmm(stack, stack).shape == (1, 2, 2)
    assert x.addbmm(stack, stack).shape == (2, 2)
    assert tg.ones(2, 3).cross(tg.ones(2, 3), 1).shape == (2, 3)


def as_tuple(results):
    return results if isinstance(results, tuple) else (results,)


# Errors


M, V, T = np.ones((2, 3)), np.ones(3), np.ones((2, 2, 3))


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tg.mm(M, V), r"mm: mat2 must be a matrix, got shape \(3,\)"),
        (lambda: tg.mm(M, M), r"mm: input \(2, 3\) and mat2 \(2, 3\) do not fit: 3 is not 2"),
        (lambda: tg.bmm(T, M), r"bmm: mat2 must be a stack of matrices, got shape \(2, 3\)"),
        (lambda: tg.bmm(T, np.ones((1, 3, 2))), r"bmm: input \(2, 2, 3\) and mat2 \(1, 3, 2\) are stacks of different"),
        (lambda: tg.mv(M, np.ones(2)), r"mv: input \(2, 3\) and vec \(2,\) do not fit: 3 is not 2"),
        (lambda: tg.dot(V, M), r"dot: tensor must be a vector, got shape \(2, 3\)"),
        (lambda: tg.vdot(M, V), r"vdot: input must be a vector, got shape \(2, 3\)"),
        (lambda: tg.inner(M, np.ones(2)), r"inner: the last sizes of \(2, 3\) and \(2,\) differ"),
        (lambda: tg.outer(M, V), r"outer: input must be a vector, got shape \(2, 3\)"),
        (lambda: tg.trace(V), r"trace: input must be a matrix, got shape \(3,\)"),
        (lambda: tg.tensordot(M, M, 1), r"tensordot: dim 1 of a \(2, 3\) has size 3, dim 0 of b \(2, 3\) has size 2"),
        (lambda: tg.tensordot(M, V, 2), "tensordot: dims=2, but a has 2 axes and b has 1"),
        (lambda: tg.tensordot(M, M, ([1, 1], [1, 1])), r"tensordot: an axis appears twice in dims=\[1, 1\]"),
        (lambda: tg.tensordot(M, M, ([1], [0, 1])), r"tensordot: dims has 1 axes of a and 2 of b: \(\[1\], \[0, 1\]\)"),
        (lambda: tg.cross(np.ones(2), np.ones(2)), r"cross: input \(2,\) has no axis of size 3"),
        (lambda: tg.cross(M, V, 1), r"cross: input \(2, 3\) and other \(3,\) must have the same number of axes"),
        (lambda: tg.cross(M, M, 0), r"cross: dim 0 must have size 3, the shapes are \(2, 3\) and \(2, 3\)"),
        (lambda: linalg.cross(M, np.ones((4, 3))), r"linalg.cross: the shapes do not broadcast: input \(2, 3\), other"),
        (lambda: linalg.vecdot(M, np.ones(2)), r"linalg.vecdot: the shapes do not broadcast: x \(2, 3\), y \(2,\)"),
        (lambda: linalg.multi_dot([M]), "linalg.multi_dot: there must be two tensors or more, got 1"),
        (lambda: linalg.multi_dot([M, T]), r"linalg.multi_dot: tensor 1 of shape \(2, 2, 3\) is no matrix \(the first"),
        (lambda: linalg.multi_dot([M, M]), r"linalg.multi_dot: tensors 0 and 1 of shapes \(2, 3\) and \(2, 3\) cannot"),
        (
            lambda: tg.addmm(T, M, M.T),
            r"addmm: input \(2, 2, 3\) does not broadcast to the shape of the product, \(2, 2\)",
        ),
        (lambda: tg.addmv(V, M, V), r"addmv: input \(3,\) does not broadcast to the shape of the product, \(2,\)"),
        (lambda: tg.addr(M, M, V), r"addr: vec1 must be a vector, got shape \(2, 3\)"),
        (
            lambda: tg.baddbmm(M, T, np.ones((3, 3, 2))),
            r"baddbmm: batch1 \(2, 2, 3\) and batch2 \(3, 3, 2\) are stacks of different sizes",
        ),
        (lambda: linalg.det(M), r"linalg.det: A must be square, got 2 by 3 \(shape \(2, 3\)\)"),
        (lambda: tg.det(V), r"det: input must be a matrix or a stack of matrices, got shape \(3,\)"),
        (
            lambda: linalg.solve(np.eye(2), M.T),
            r"linalg.solve: A has shape \(2, 2\), B \(3, 2\): A @ X = B needs a B of 2",
        ),
        (
            lambda: linalg.solve(np.eye(2), M, left=False),
            r"linalg.solve: A has shape \(2, 2\), B \(2, 3\): X @ A = B needs a B of 2 columns",
        ),
        (
            lambda: linalg.solve(np.ones((3, 2, 2)), np.ones((2, 2, 1))),
            r"linalg.solve: the leading axes of A \(3, 2, 2\) and B \(2, 2, 1\) do not broadcast",
        ),
        (lambda: linalg.qr(M, "q"), "linalg.qr: mode must be 'reduced', 'complete' or 'r', got 'q'"),
        (lambda: linalg.eigh(np.eye(2), "x"), "linalg.eigh: UPLO must be 'L' or 'U', got 'x'"),
        (
            lambda: tg.matrix_power(M, 2),
            r"matrix_power: input must be a square matrix or a stack of them, got shape \(2, 3",
        ),
        (
            lambda: linalg.matrix_norm(V),
            r"linalg.matrix_norm: input must be a matrix or a stack of matrices, got shape",
        ),
        (lambda: linalg.matrix_norm(M, 3), "linalg.matrix_norm: there is no matrix norm of order 3: it must be one of"),
        (lambda: linalg.matrix_norm(M, dim=1), "linalg.matrix_norm: the norm of a matrix is over two axes, got dim=1"),
        (lambda: linalg.matrix_norm(M, dim=(1, -1)), r"linalg.matrix_norm: an axis appears twice in dim=\(1, -1\)"),
        (lambda: linalg.norm(T, 2), r"linalg.norm: with ord but no dim, input must have 1 or 2 axes, got \(2, 2, 3\)"),
        (lambda: linalg.norm(M, "fro", 1), r"linalg.norm: the norm of a matrix is over two axes, got dim=\(1,\)"),
        (lambda: tg.norm(M, "inf"), "norm: p must be a number, 'fro' or 'nuc', got 'inf'"),
    ],
)
def test_errors_of_shapes(call, text):
    with pytest.raises(tg.ShapeError, match=f"^{text}"):
        call()


F32 = M.astype(np.float32)


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda: tg.mm(M, F32.T), "mm: the dtypes differ: input float64, mat2 float32; cast one of them"),
        (lambda: tg.dot(V, V.astype(int)), "dot: the dtypes differ: input float64, tensor int64"),
        (lambda: tg.tensordot(M, F32), "tensordot: the dtypes differ: a float64, b float32"),
        (lambda: tg.tensordot(M, M, "1"), "tensordot: dims must be an int or two lists of ints, got '1'"),
        (lambda: linalg.cross(M, F32), "linalg.cross: the dtypes differ: input float64, other float32"),
        (lambda: linalg.multi_dot(M), "linalg.multi_dot: tensors must be a list of tensors, got array"),
        (lambda: tg.addmm(F32, M, M.T), "addmm: the dtypes differ: input float32, mat1 float64"),
        (lambda: tg.addmm(M, M, np.eye(3), beta="1"), "addmm: beta must be a number, got '1'"),
        (
            lambda: tg.addr(np.ones((1, 1), int), *[np.ones(1, int)] * 2, alpha=0.5),
            "addr: alpha is 0.5, which int64 cannot",
        ),
        (
            lambda: linalg.inv(np.eye(2, dtype=np.float16)),
            "linalg.inv: A has dtype float16, it must be float32 or float64",
        ),
        (lambda: linalg.det(np.eye(2, dtype=int)), "linalg.det: A has dtype int64, it must be float32 or float64"),
        (
            lambda: linalg.solve(np.eye(2), np.ones(2, np.float32)),
            "linalg.solve: the dtypes differ: A float64, B float32",
        ),
        (lambda: tg.matrix_power(np.eye(2), 1.5), "matrix_power: n must be an int, got 1.5"),
        (lambda: tg.matrix_power(np.eye(2, dtype=int), -1), "matrix_power: input has dtype int64, it must be float32"),
        (lambda: tg.norm(np.ones(2, int)), "norm: input has dtype int64, it must be a float: cast it"),
        (lambda: tg.norm(V, dtype=np.float32), "norm: dtype float32 cannot hold input of dtype float64"),
        (lambda: linalg.vector_norm(V, "fro"), "linalg.vector_norm: ord must be a number, got 'fro'"),
        (lambda: linalg.norm(F32.astype(np.float16), 2), "linalg.norm: input has dtype float16, it must be float32"),
    ],
)
def test_errors_of_dtypes(call, text):
    with pytest.raises(tg.DTypeError, match=f"^{text}"):
        call()


# Layouts and broadcasting


def test_solve_sums_over_what_broadcasts_T14():
    rng = np.random.default_rng(0)
    leads = [(), (1,), (3,), (1, 3), (2, 1), (2, 3)]
    pairs = [*itertools.product(leads, repeat=2), ((), (0, 3)), ((0, 3), ()), ((0, 1), (3,)), ((1, 3), (0, 3))]
    for a_lead, b_lead in pairs:
        a = leaf(rng.standard_normal((*a_lead, 2, 2)) + 3 * np.eye(2))
        b = leaf(rng.standard_normal((*b_lead, 2, 1)))
        linalg.solve(a, b).sum().backward()
        assert a.grad.shape == a.shape
        assert b.grad.shape == b.shape
        if a.data.size and b.data.size:
            assert tg.gradcheck(linalg.solve, [a, b])


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 5, 2)])
def test_the_columns_that_a_matrix_determines_have_a_gradient_beside_the_others(shape):
    """Zeros reach the further columns where a slice leaves them out; recorded, nothing says that they stay zeros."""
    a = np.random.default_rng(0).standard_normal(shape)
    k, weights = min(shape[-2:]), np.random.default_rng(1).standard_normal((*shape[:-2], shape[-2], shape[-1]))

    def of_svd(x, full):
        u, s, vh = linalg.svd(x, full_matrices=full)
        return ((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :] * weights).sum()

    np.testing.assert_allclose(
        gradient(lambda x: of_svd(x, True), a), gradient(lambda x: of_svd(x, False), a), atol=1e-12
    )
    x = leaf(a)
    with pytest.raises(tg.GradientError, match=r"^linalg\.svd: with full_matrices=True"):
        tg.grad(of_svd(x, True), [x], create_graph=True)
    if shape[-2] < shape[-1]:
        return

    def of_qr(x, mode):
        q, r = linalg.qr(x, mode)
        return (q[..., :k] ** 3).sum() + (r[..., :k, :] ** 2).sum()

    np.testing.assert_allclose(
        gradient(lambda x: of_qr(x, "complete"), a), gradient(lambda x: of_qr(x, "reduced"), a), atol=1e-12
    )
    with pytest.raises(tg.GradientError, match=r"^linalg\.qr: in mode 'complete'"):
        tg.grad(of_qr(x, "complete"), [x], create_graph=True)
