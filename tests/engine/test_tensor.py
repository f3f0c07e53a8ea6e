"""What tensors are made from, what they share, how they are copied and shown, and Python's protocols."""

import copy
import pickle
import weakref

import numpy as np
import pytest

import tensorgrad as tg

from .tools import array, leaf

# Copies and sharing


def test_tensor_copies():
    a = np.array([1.0, 2.0])
    for make in (tg.tensor, tg.Tensor):
        t = make(a)
        assert not np.shares_memory(t.data, a)
        u = make(t)
        assert not np.shares_memory(u.data, t.data)
        a[0] = 99.0
        assert t[0].item() == 1.0
        a[0] = 1.0


def test_tensor_of_a_recorded_tensor_is_a_new_leaf():
    y = leaf([1.0]) * 2.0
    with pytest.warns(UserWarning, match="no history"):
        t = tg.tensor(y)
    assert t.is_leaf
    assert not t.requires_grad


def test_from_numpy_shares():
    a = np.array([1.0, 2.0])
    t = tg.from_numpy(a)
    assert t.data is a
    t[0] = 5.0
    assert a[0] == 5.0
    a[1] = 6.0
    assert t[1].item() == 6.0
    with pytest.raises(tg.DTypeError, match="from_numpy: takes a NumPy array, got list"):
        tg.from_numpy([1.0])
    assert not t.requires_grad


def test_from_numpy_of_a_read_only_array():
    a = np.array([1.0, 2.0])
    a.flags.writeable = False
    t = tg.from_numpy(a)
    t.requires_grad_()
    (t * t).sum().backward()
    np.testing.assert_array_equal(array(t.grad), [2.0, 4.0])
    with tg.no_grad(), pytest.raises(tg.GradientError, match=r"fill_: .*a read-only array"):
        t.zero_()


def test_as_tensor_shares_where_it_can():
    a = np.array([1.0, 2.0])
    assert tg.as_tensor(a).data is a
    t = tg.tensor(a)
    assert tg.as_tensor(t) is t
    assert tg.as_tensor(t, dtype=np.float32).dtype == np.float32
    assert tg.as_tensor([1.0]).tolist() == [1.0]


def test_detach_and_numpy_share():
    x = leaf([1.0, 2.0])
    assert x.detach().data is x.data
    assert x.detach().numpy() is x.data
    with tg.no_grad():
        x.detach().mul_(2.0)
    np.testing.assert_array_equal(array(x), [2.0, 4.0])


def test_clone_does_not():
    x = leaf([1.0, 2.0])
    y = x.clone()
    assert not np.shares_memory(x.data, y.data)
    assert y.requires_grad
    y.sum().backward()
    np.testing.assert_array_equal(array(x.grad), [1.0, 1.0])


# Pickling and copying


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["copy", "deepcopy", "pickle"]
)
def test_leaves_can_be_copied(duplicate):
    for t in (leaf([[1.0, 2.0]]), tg.tensor([1, 2]), tg.tensor(True), tg.zeros(0, 3), leaf(2.0)):
        if t.requires_grad:
            (t * t).sum().backward()
        u = duplicate(t)
        assert type(u) is tg.Tensor
        assert u is not t
        assert (u.dtype, u.shape, u.requires_grad) == (t.dtype, t.shape, t.requires_grad)
        np.testing.assert_array_equal(array(u), array(t))
        if t.requires_grad:
            np.testing.assert_array_equal(array(u.grad), array(t.grad))
            before = array(t.grad).copy()
            (u * 100.0).sum().backward()
            if duplicate is not copy.copy:
                np.testing.assert_array_equal(array(t.grad), before)
        if duplicate is not copy.copy:
            assert not np.shares_memory(u.data, t.data)


def test_a_tensor_deep_copied_twice_in_one_structure_stays_one():
    t = leaf([1.0])
    first, second = copy.deepcopy([t, t])
    assert first is second
    first, second = pickle.loads(pickle.dumps([t, t]))
    assert first is second


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickle.dumps], ids=["copy", "deepcopy", "pickle"])
def test_t1_results_cannot(duplicate):
    y = leaf([1.0]) * 2.0
    with pytest.raises(tg.GradientError, match=r"the result of mul .*only leaves.*detach\(\)"):
        duplicate(y)
    duplicate(y.detach())
    if duplicate is not copy.copy:
        with pytest.raises(tg.GradientError, match="only leaves"):
            duplicate({"loss": [y]})


def test_subclasses_stay_when_copied_and_their_results_are_tensors():
    class Weight(tg.Tensor):
        pass

    w = Weight([1.0, 2.0], requires_grad=True)
    assert type(copy.deepcopy(w)) is Weight
    for y in (w * 2.0, w + w, w.sum(), w[0], w.detach(), -w, w.reshape(2, 1)):
        assert type(y) is tg.Tensor
    (w * w).sum().backward()
    assert type(w.grad) is tg.Tensor
    with tg.no_grad():
        w -= 0.5
    assert type(w) is Weight


# repr


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: tg.tensor(1.0), "tensor(1.)"),
        (lambda: tg.tensor([1, 2]), "tensor([1, 2])"),
        (lambda: tg.tensor([True, False]), "tensor([ True, False])"),
        (lambda: tg.tensor([1.5, -2.0], dtype=np.float64), "tensor([ 1.5, -2. ], dtype=float64)"),
        (lambda: tg.tensor([1], dtype=np.uint8), "tensor([1], dtype=uint8)"),
        (lambda: tg.ones(2, requires_grad=True), "tensor([1., 1.], requires_grad=True)"),
        (lambda: tg.ones(2, requires_grad=True) * 2.0, "tensor([2., 2.], grad_fn=mul)"),
        (lambda: leaf(2.0).exp(), "tensor(7.3891, dtype=float64, grad_fn=exp)"),
        (lambda: tg.ones(2, 2), "tensor([[1., 1.],\n        [1., 1.]])"),
    ],
)
def test_repr_shows_values_dtype_and_origin(make, text):
    assert repr(make()) == text
    assert str(make()) == text


def test_repr_of_empty_tensors_tells_their_shape():
    assert "(0, 3)" in repr(tg.zeros(0, 3)).replace("size=", "").replace("shape=", "")


def test_repr_of_large_tensors_is_short():
    assert len(repr(tg.zeros(1000, 1000))) < 2000


def test_repr_records_nothing_and_never_fails():
    for values in ([np.nan, np.inf], [1e-30, 1e30], []):
        assert repr(leaf(values)).startswith("tensor(")


def test_format():
    assert f"{tg.tensor(1.23456):.2f}" == "1.23"
    assert f"{leaf(1.5):>8.3f}" == "   1.500"
    assert f"{tg.tensor([1, 2])}" == "tensor([1, 2])"
    with pytest.raises(TypeError, match=r"format: '\.2f' is for one number, the tensor has shape \(2,\)"):
        f"{tg.tensor([1.0, 2.0]):.2f}"


# Numbers


def test_item_and_tolist():
    assert tg.tensor(1.5).item() == 1.5
    assert isinstance(tg.tensor([[3]]).item(), int)
    assert isinstance(tg.tensor(True).item(), bool)
    assert leaf(1.5).item() == 1.5
    assert tg.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert tg.tensor(2.0).tolist() == 2.0
    with pytest.raises(tg.ShapeError, match=r"item: .*\(2,\)"):
        tg.ones(2).item()


def test_conversions_to_python_numbers():
    assert float(tg.tensor(1.5)) == 1.5
    assert int(tg.tensor(2.7)) == 2
    assert int(tg.tensor([3])) == 3
    for convert in (float, int):
        with pytest.raises((tg.ShapeError, TypeError), match=r"\(2,\)"):
            convert(tg.ones(2))


def test_truth():
    assert tg.tensor(1.0)
    assert not tg.tensor([0.0])
    assert leaf(2.0) > 1.0
    for ambiguous in (tg.ones(2), tg.zeros(0)):
        with pytest.raises(tg.ShapeError, match=r"bool: .*shape"):
            bool(ambiguous)


# Protocols


def test_len_and_iteration():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert len(x) == 2
    rows = list(x)
    assert [r.tolist() for r in rows] == [[1.0, 2.0], [3.0, 4.0]]
    (rows[0] * 3.0 + rows[1]).sum().backward()
    np.testing.assert_array_equal(array(x.grad), [[3.0, 3.0], [1.0, 1.0]])
    a, _ = x
    assert a.tolist() == [1.0, 2.0]
    assert list(tg.zeros(0, 3)) == []
    with pytest.raises(TypeError, match=r"len: .*no axes"):
        len(leaf(1.0))
    with pytest.raises(TypeError, match=r"iter: .*no axes"):
        list(leaf(1.0))


def test_iterating_over_a_slice_or_reversed_or_zip():
    x = leaf([1.0, 2.0, 3.0])
    assert [v.item() for v in x[::-1]] == [3.0, 2.0, 1.0]
    assert [v.item() for v in reversed(x)] == [3.0, 2.0, 1.0]
    assert sum(x).item() == 6.0
    assert max(x).item() == 3.0


def test_contains():
    assert 2.0 in tg.tensor([1.0, 2.0])
    assert 5.0 not in leaf([1.0, 2.0])


def test_hash_is_identity():
    a, b = tg.tensor([1.0]), tg.tensor([1.0])
    assert len({a, b, a}) == 2
    assert {a: 1}[a] == 1
    assert hash(a) != hash(b)


def test_comparison_with_none_and_strangers():
    """As PyTorch: a tensor is never equal to None; what has no order raises."""
    a = leaf([1.0, 2.0])
    assert (a == None) is False  # noqa: E711
    assert (a != None) is True  # noqa: E711
    with pytest.raises(TypeError, match="NoneType"):
        a < None  # noqa: B015
    with pytest.raises(TypeError, match="add: None is no operand"):
        a + None


def test_other_classes_may_define_operators_with_tensors():
    class Physical:
        def __radd__(self, other):
            return "mine"

        __rmul__ = __rmatmul__ = __rsub__ = __rtruediv__ = __rpow__ = __radd__

    p, a = Physical(), leaf([1.0, 2.0])
    assert [a + p, a * p, a - p, a / p, a**p, a @ p] == ["mine"] * 6


def test_weak_references_and_slots():
    a = leaf([1.0])
    r = weakref.ref(a)
    assert r() is a
    with pytest.raises(AttributeError, match="colour"):
        a.colour = "red"


def test_unary_plus_and_minus():
    a = leaf([1.0, -2.0])
    (+a - -a).sum().backward()
    np.testing.assert_array_equal(array(a.grad), [2.0, 2.0])


def test_matrix_views():
    x = tg.arange(24).reshape(2, 3, 4)
    assert x.mT.shape == (2, 4, 3)
    assert x[0].T.shape == (4, 3)
    assert x[0].t().shape == (4, 3)
    with pytest.raises(tg.ShapeError, match="t: only for up to 2 axes"):
        x.t()


def test_sizes():
    x = tg.zeros(2, 3)
    assert x.shape == x.size() == (2, 3)
    assert x.size(1) == x.size(-1) == 3
    assert (x.ndim, x.dim(), x.numel()) == (2, 2, 6)


def test_requires_grad_is_a_bool_and_can_be_set():
    t = tg.ones(2)
    t.requires_grad = True
    assert t.requires_grad is True
    assert t.requires_grad_(False) is t
    assert t.requires_grad is False
