"""DLPack: memory shared with NumPy and PyTorch in both directions, and what cannot be."""

import gc
import weakref

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

from .tools import array, leaf

DTYPES = [np.bool_, np.uint8, np.int8, np.int16, np.int32, np.int64, np.float16, np.float32, np.float64]


def tensors(dtype):
    """Of every layout in memory that can be shared."""
    x = tg.tensor(np.arange(24).reshape(2, 3, 4)).to(dtype)
    return {
        "contiguous": x,
        "transposed": x.permute(2, 0, 1),
        "strided": x[:, ::2, 1::2],
        "number": x[1, 2, 3],
        "empty": tg.zeros(0, 3, dtype=dtype),
        "of size 1": x[:1, :, None],
    }


# With NumPy


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_takes_a_tensor(dtype):
    for layout, t in tensors(dtype).items():
        shared = np.from_dlpack(t)
        np.testing.assert_array_equal(shared, t.data)
        assert shared.dtype == dtype
        assert shared.shape == t.shape
        assert shared.size == 0 or np.shares_memory(shared, t.data), layout
    assert tg.ones(1).__dlpack_device__() == (1, 0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tensor_of_numpys(dtype):
    for layout, t in tensors(dtype).items():
        a = t.data
        shared = tg.from_dlpack(a)
        assert type(shared) is tg.Tensor
        np.testing.assert_array_equal(shared.data, a)
        assert shared.dtype is np.dtype(dtype)
        assert a.size == 0 or np.shares_memory(shared.data, a), layout


def test_writes_are_seen_on_both_sides():
    t = tg.tensor([1.0, 2.0, 3.0])
    a = np.from_dlpack(t)
    a[0] = 10.0
    t[1] = 20.0
    assert t.tolist() == a.tolist() == [10.0, 20.0, 3.0]
    b = np.zeros(2)
    u = tg.from_dlpack(b)
    u[0] = 5.0
    b[1] = 6.0
    assert u.tolist() == b.tolist() == [5.0, 6.0]


def test_a_tensor_of_a_tensor():
    t = tg.tensor([1.0, 2.0])
    shared = tg.from_dlpack(t)
    assert shared is not t
    shared[0] = 9.0
    assert t.tolist() == [9.0, 2.0]


def test_copies_if_asked():
    t = tg.tensor([1.0, 2.0])
    for copied in (tg.from_dlpack(t, copy=True), tg.from_dlpack(t[::-1], copy=True)):
        assert not np.shares_memory(copied.data, t.data)
    assert tg.from_dlpack(t[::-1], copy=True).tolist() == [2.0, 1.0]
    assert np.shares_memory(tg.from_dlpack(t, copy=False).data, t.data)
    assert not np.shares_memory(np.from_dlpack(t, copy=True), t.data)
    assert np.shares_memory(tg.from_dlpack(t, device="cpu").data, t.data)
    with pytest.raises(tg.ShapeError, match="from_dlpack: tensors lie on 'cpu', there is no device 'cuda'"):
        tg.from_dlpack(t, device="cuda")


def test_the_memory_lives_as_long_as_anyone_uses_it():
    t = tg.tensor(np.arange(1000.0))
    memory = weakref.ref(t.data)
    a = np.from_dlpack(t)
    del t
    gc.collect()
    assert memory() is not None
    np.testing.assert_array_equal(a, np.arange(1000.0))
    del a
    gc.collect()
    assert memory() is None
    b = np.arange(1000.0)
    memory, u = weakref.ref(b), tg.from_dlpack(b)
    del b
    gc.collect()
    assert u.sum().item() == 499500.0
    del u
    gc.collect()
    assert memory() is None


def test_a_gradient_is_not_lost():
    x = leaf([1.0, 2.0])
    for t in (x, x * 2.0):
        with pytest.raises(tg.GradientError, match=r"call detach\(\) first"):
            np.from_dlpack(t)
        with pytest.raises(tg.GradientError, match=r"call detach\(\) first"):
            t.__dlpack__()
        assert np.shares_memory(np.from_dlpack(t.detach()), t.data)
    with tg.no_grad(), pytest.raises(tg.GradientError, match="detach"):
        np.from_dlpack(x)


def test_read_only_memory_says_so():
    a = np.arange(3.0)
    a.flags.writeable = False
    t = tg.from_dlpack(a)
    with pytest.raises(tg.GradientError, match=r"fill_: .*read-only array"):
        t.zero_()
    assert not np.from_dlpack(t).flags.writeable
    with pytest.raises(tg.SharingError, match=r"__dlpack__: the memory is read-only.*asks for None: clone\(\)"):
        t.__dlpack__()
    with pytest.raises(BufferError, match=r"asks for \(0, 8\)"):
        t.__dlpack__(max_version=(0, 8))
    assert t.__dlpack__(max_version=(1, 0)) is not None
    assert t.__dlpack__(copy=True) is not None
    assert not np.from_dlpack(tg.zeros(3).expand(2, 3)).flags.writeable


def test_tensors_read_backwards_are_refused():
    """PyTorch ends the whole program on negative strides."""
    for t in (tg.ones(3)[::-1], tg.ones(2, 3)[:, ::-1]):
        with pytest.raises(tg.SharingError, match=r"__dlpack__: .* read backwards \(strides .*\) cannot be shared"):
            np.from_dlpack(t)
        assert np.from_dlpack(t.clone()).shape == t.shape


def test_what_a_consumer_may_ask():
    t = tg.ones(2)
    assert t.__dlpack__(dl_device=(1, 0)) is not None
    with pytest.raises(BufferError, match="device"):
        t.__dlpack__(dl_device=(2, 0))
    with pytest.raises(tg.SharingError, match="stream"):
        t.__dlpack__(stream=1)


def test_what_is_no_array():
    for wrong in ([1.0], 3.0, None, "a", np.ones(1).__dlpack__()):
        with pytest.raises(tg.DTypeError, match="from_dlpack: takes an array that offers __dlpack__, got"):
            tg.from_dlpack(wrong)
    with pytest.raises(tg.DTypeError, match=r"from_dlpack: numpy\.ndarray has dtype complex128, which tensors cannot"):
        tg.from_dlpack(np.ones(2, complex))

    class Elsewhere:
        def __dlpack__(self, **options):
            raise BufferError("not for you")

        def __dlpack_device__(self):
            return (1, 0)

    with pytest.raises(tg.SharingError, match=r"from_dlpack: .*Elsewhere does not share its memory: not for you"):
        tg.from_dlpack(Elsewhere())

    class Broken(Elsewhere):
        def __dlpack__(self, **options):
            raise RuntimeError("a fault of its own")

    with pytest.raises(RuntimeError, match="a fault of its own"):
        tg.from_dlpack(Broken())


# With PyTorch

NAMES = [np.dtype(d).name for d in DTYPES]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parity
@pytest.mark.parametrize("dtype", DTYPES, ids=NAMES)
def test_pytorch_takes_a_tensor(torch, dtype):
    for layout, t in tensors(dtype).items():
        shared = torch.from_dlpack(t)
        assert tuple(shared.shape) == t.shape
        assert str(shared.dtype) == f"torch.{np.dtype(dtype).name}"
        np.testing.assert_array_equal(shared.numpy(), t.data)
        assert t.numel() == 0 or shared.data_ptr() == t.data.ctypes.data, layout
        assert t.numel() == 0 or shared.stride() == tuple(n // t.itemsize for n in t.data.strides) or t.numel() == 1
        tally.count("values")


@pytest.mark.parity
@pytest.mark.parametrize("dtype", DTYPES, ids=NAMES)
def test_a_tensor_of_pytorchs(torch, dtype):
    base = torch.arange(24).reshape(2, 3, 4).to(getattr(torch, np.dtype(dtype).name))
    for there in (base, base.permute(2, 0, 1), base[:, ::2, 1::2], base[1, 2, 3], base[:0], base[0, 0].expand(5, 4)):
        shared = tg.from_dlpack(there)
        assert type(shared) is tg.Tensor
        assert shared.shape == tuple(there.shape)
        assert shared.dtype is np.dtype(dtype)
        np.testing.assert_array_equal(shared.data, there.numpy())
        assert there.numel() == 0 or shared.data.ctypes.data == there.data_ptr()
        tally.count("values")


@pytest.mark.parity
def test_writes_are_seen_by_pytorch_and_by_us(torch):
    t = tg.zeros(2, 3)
    there = torch.from_dlpack(t)
    there[0, 0] = 99.0
    with tg.no_grad():
        t[1].fill_(7.0)
    assert t.tolist() == there.tolist() == [[99.0, 0.0, 0.0], [7.0, 7.0, 7.0]]
    back = tg.from_dlpack(there)
    back.T[2, 0] = -1.0
    assert t[0, 2].item() == there[0, 2].item() == -1.0
    tally.count("values")


@pytest.mark.parity
def test_a_model_of_theirs_feeds_one_of_ours(torch):
    there = torch.linspace(0, 1, 6).reshape(2, 3)
    weight = tg.tensor(np.ones((3, 1), np.float32), requires_grad=True)
    (tg.from_dlpack(there) @ weight).sum().backward()
    np.testing.assert_allclose(array(weight.grad)[:, 0], there.sum(0).numpy(), rtol=1e-6)
    given_back = torch.from_dlpack(weight.grad)
    assert given_back.data_ptr() == weight.grad.data.ctypes.data
    tally.count("values")


@pytest.mark.parity
def test_the_memory_outlives_its_maker_on_either_side(torch):
    t = tg.tensor(np.arange(1000.0))
    memory = weakref.ref(t.data)
    there = torch.from_dlpack(t)
    del t
    gc.collect()
    assert memory() is not None
    assert there.sum().item() == 499500.0
    del there
    gc.collect()
    assert memory() is None
    there = torch.arange(1000.0)
    shared = tg.from_dlpack(there)
    del there
    gc.collect()
    torch.ones(1000)  # which would take the memory if it were free
    assert shared.sum().item() == 499500.0
    tally.count("values", "values")


@pytest.mark.parity
def test_what_pytorch_may_not_take(torch):
    x = leaf([1.0, 2.0])
    for t in (x, x * 2.0):
        with pytest.raises(tg.GradientError, match=r"detach\(\) first"):
            torch.from_dlpack(t)
    with pytest.raises(tg.SharingError, match="read backwards"):
        torch.from_dlpack(tg.ones(3)[::-1])
    assert torch.from_dlpack(x.detach()).tolist() == [1.0, 2.0]
    tally.count("values")


@pytest.mark.parity
@pytest.mark.parametrize("name", ["bfloat16", "complex64", "complex128", "float8_e4m3fn"])
def test_dtypes_of_pytorch_that_no_tensor_holds(torch, name):
    there = torch.zeros(2, dtype=getattr(torch, name))
    with pytest.raises(tg.DTypeError, match=rf"from_dlpack: torch\.Tensor has dtype torch\.{name}, which"):
        tg.from_dlpack(there)
    tally.count("values")


@pytest.mark.parity
def test_what_pytorch_does_not_share(torch):
    for there in (torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True) * 2.0):
        with pytest.raises(tg.SharingError, match=r"from_dlpack: torch\.Tensor does not share its memory: .*detach"):
            tg.from_dlpack(there)
    with pytest.raises(tg.SharingError, match=r"from_dlpack: torch\.Tensor does not share its memory"):
        tg.from_dlpack(torch.zeros(2, device="meta"))
    assert tg.from_dlpack(torch.zeros(2, requires_grad=True).detach()).tolist() == [0.0, 0.0]
    tally.count("values")
