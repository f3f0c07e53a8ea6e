"""gradcheck and gradgradcheck pass on what is right, small and big."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.check import gradcheck, gradgradcheck
from tests.check import planted
from tests.check.tools import holding, leaf, shuffled

EVEN = np.arange(5) % 2 == 0
CONV = (leaf(2, 3, 6, 5), leaf(4, 3, 3, 2), leaf(4))
RIGHT = {
    "square": (planted.right, (leaf(4),)),
    "conv2d stride 2": (lambda x, w, b: tg.conv2d(x, w, b, stride=2, padding=1), CONV),
    "max_pool2d": (lambda x: tg.max_pool2d(x, 3, stride=2, padding=1), (shuffled(2, 2, 6, 5),)),
    "native_batch_norm": (tg.native_batch_norm, (leaf(4, 3, 2, 2), leaf(3), leaf(3, seed=1))),
    "batch_norm without weights": (lambda x: tg.native_batch_norm(x)[0], (leaf(5, 3),)),
    "log_softmax": (lambda x: tg.log_softmax(x, 1), (leaf(4, 5),)),
    "cross_entropy": (lambda x: tg.cross_entropy(x, np.array([0, 2, 1, 4])), (leaf(4, 5),)),
    "dropout": (lambda x: tg.dropout(x, 0.4, generator=np.random.default_rng(3)), (leaf(4, 5),)),
    "where": (lambda x, y: tg.where(EVEN, x, y), (leaf(4, 5), leaf(5))),
    "pow": (lambda x, y: x**y, (leaf(3, 4, low=0.3, high=2), leaf(4))),
    "max(dim)": (lambda x: x.max(1)[0], (shuffled(3, 4),)),
    "matmul": (tg.matmul, (leaf(2, 3, 4), leaf(4, 2))),
    "cat of one tensor twice": (lambda x: tg.cat([x, x * 2.0]), (leaf(3),)),
    "the input itself": (lambda x: x, (leaf(3),)),
    "a view of the input": (lambda x: x.reshape(-1)[1:], (leaf(2, 3),)),
    "a number": (tg.exp, (holding(0.5).sum().detach().requires_grad_(),)),
    "nothing": (lambda x: x * 2.0, (leaf(0, 3),)),
    "large values": (tg.exp, (holding(10.0, 20.0, -30.0),)),
    "a sum that is 0 by nature": (lambda *a: tg.native_batch_norm(*a)[0].sum(), (leaf(6, 3), leaf(3), leaf(3, seed=1))),
    "saturated": (lambda x: tg.cross_entropy(x * 20.0, np.array([0, 2, 1, 4])), (leaf(4, 5),)),
    "big": (lambda x, w: tg.tanh(tg.matmul(x, w)), (leaf(80, 90), leaf(90, 100))),
    "big, to a mean": (lambda x: tg.tanh(x).mean(), (leaf(100, 200),)),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass(name):
    func, inputs = RIGHT[name]
    assert gradcheck(func, inputs) is True
    assert gradgradcheck(func, inputs) is True


@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass_in_random_directions(name):
    func, inputs = RIGHT[name]
    assert gradcheck(func, inputs, fast_mode=True)
    assert gradgradcheck(func, inputs, fast_mode=True)


@pytest.mark.parametrize("seed", range(5))
def test_right_gradients_pass_with_any_generator(seed):
    rng = np.random.default_rng(seed)
    assert gradcheck(lambda x: tg.softmax(x, 1), leaf(30, 40, seed=seed), rng=rng)
    assert gradgradcheck(lambda x: tg.softmax(x, 1), leaf(30, 40, seed=seed), rng=rng)


def test_grad_outputs_can_be_given():
    g = tg.tensor(np.ones(4), requires_grad=True)
    assert gradgradcheck(planted.right, leaf(4), g)
    constant = tg.tensor(np.ones(4))
    assert gradgradcheck(planted.right, leaf(4), constant)


def test_a_function_that_reaches_its_input_by_itself():
    # As a module reaches its parameters.
    weight = leaf(3, 2)
    x = leaf(4, 3)
    assert gradcheck(lambda _: tg.matmul(x, weight), weight)
    assert not gradcheck(lambda _: planted.wrong_sign(weight), weight, raise_exception=False)


def test_an_interior_tensor_as_input():
    assert gradcheck(lambda x: x * x, leaf(3) * 2.0)


@pytest.mark.parametrize("name", ["conv2d stride 2", "native_batch_norm", "matmul"])
def test_layouts(name):
    func, inputs = RIGHT[name]
    for layout in (
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: np.flip(np.flip(a).copy()),
    ):
        again = tuple(tg.from_numpy(layout(x.data)).requires_grad_() for x in inputs)
        assert gradcheck(func, again)


def test_a_read_only_input():
    array = np.linspace(-1, 1, 6).reshape(2, 3)
    array.flags.writeable = False
    assert gradcheck(tg.exp, tg.from_numpy(array).requires_grad_())
