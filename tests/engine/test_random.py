"""Random numbers: their distributions, their seeds, the state they are drawn from, and tensors filled with them."""

import numpy as np
import pytest

import tensorgrad as tg
from tests.parity import tally

from .tools import array, leaf

MANY = 20_000


def close(value, expected, deviation, count=MANY):
    """Whether a mean of `count` draws is within five of its standard deviations of what it should be."""
    return abs(value - expected) < 5 * deviation / np.sqrt(count)


@pytest.fixture(autouse=True)
def seeded():
    with tg.random.fork_rng():
        tg.manual_seed(20)
        yield


# Distributions


def test_uniform():
    x = array(tg.rand(MANY))
    assert x.min() >= 0
    assert x.max() < 1
    assert close(x.mean(), 0.5, np.sqrt(1 / 12))
    assert close(x.var(), 1 / 12, np.sqrt(1 / 180))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_uniform_numbers_never_round_up_to_1(dtype):
    x = array(tg.rand(200_000, generator=np.random.default_rng(0), dtype=dtype))
    assert x.max() < 1
    if dtype == np.float16:  # which came that near: rounded as they were drawn, some of these would be 1
        assert x.max() == np.nextafter(np.float16(1), np.float16(0))
        assert np.random.default_rng(0).random(200_000).astype(np.float16).max() == 1


def test_normal():
    x = array(tg.randn(MANY, dtype=np.float64))
    assert close(x.mean(), 0, 1)
    assert close(x.var(), 1, np.sqrt(2))
    y = array(tg.normal(3.0, 0.5, (MANY,)))
    assert y.dtype == np.float32
    assert close(y.mean(), 3, 0.5)
    assert close(y.std(), 0.5, 0.5 / np.sqrt(2))


def test_normal_of_tensors():
    mean, std = tg.tensor([[0.0], [100.0]]), tg.tensor([0.0, 1.0, 2.0])
    x = tg.normal(mean, std)
    assert x.shape == (2, 3)
    assert x[:, 0].tolist() == [0.0, 100.0]
    assert tg.normal(mean, 1.0).shape == (2, 1)
    assert tg.normal(mean=0.5, std=std).shape == (3,)
    assert tg.normal(0, 1, size=(2, 2)).dtype == np.float32
    assert tg.normal(0.0, 1.0, (2,), dtype=tg.float64).dtype == np.float64
    assert tg.normal(mean.double(), std).dtype == np.float64
    assert tg.normal(0.0, 1.0, (2,), requires_grad=True).requires_grad
    wide = tg.normal(tg.zeros(MANY), tg.full((MANY,), 3.0))
    assert close(float(wide.std()), 3, 3 / np.sqrt(2))


def test_integers():
    x = array(tg.randint(2, 5, (MANY,)))
    assert set(x.tolist()) == {2, 3, 4}
    assert close((x == 3).mean(), 1 / 3, np.sqrt(2 / 9))
    assert set(tg.randint(3, (100,)).tolist()) == {0, 1, 2}
    assert set(tg.randint(-2, 1, size=(100,)).tolist()) == {-2, -1, 0}
    assert tg.randint(high=5, size=(2, 3)).shape == (2, 3)
    assert tg.randint(5, (2,), dtype=tg.float32).dtype == np.float32
    assert tg.randint(tg.tensor(3), (2,)).shape == (2,)
    assert set(tg.randint_like(tg.zeros(200), 2, 4).tolist()) == {2.0, 3.0}
    assert set(tg.randint_like(tg.zeros(200), 2).tolist()) == {0.0, 1.0}


def test_permutations():
    x = tg.randperm(50)
    assert sorted(x.tolist()) == list(range(50))
    assert x.tolist() != list(range(50))
    assert tg.randperm(0).shape == (0,)
    firsts = [tg.randperm(4)[0].item() for _ in range(4000)]
    assert all(close(firsts.count(n) / 4000, 0.25, np.sqrt(3 / 16), 4000) for n in range(4))


def test_bernoulli():
    p = tg.tensor([0.0, 0.25, 1.0], dtype=np.float64).expand(MANY, 3)
    x = tg.bernoulli(p)
    assert x.dtype == np.float64
    assert set(np.unique(x.data)) == {0.0, 1.0}
    assert x[:, 0].sum().item() == 0
    assert x[:, 2].sum().item() == MANY
    assert close(x[:, 1].mean().item(), 0.25, np.sqrt(3 / 16))
    same = tg.bernoulli(tg.zeros(MANY, dtype=np.int64), 0.25)
    assert same.dtype == np.int64
    assert close(array(same).mean(), 0.25, np.sqrt(3 / 16))


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_draws_by_weight(replacement):
    weights = tg.tensor([1.0, 0.0, 3.0, 6.0])
    x = array(tg.multinomial(weights.expand(MANY, 4), 2, replacement))
    assert x.shape == (MANY, 2)
    assert x.dtype == np.int64
    for index, probability in enumerate([0.1, 0.0, 0.3, 0.6]):
        share = (x[:, 0] == index).mean()
        assert close(share, probability, np.sqrt(probability * (1 - probability)) + 1e-9), (index, share)
    second = (x[:, 1] == 2)[x[:, 0] == 3].mean()  # given the first, the others keep their proportions
    expected = 0.3 if replacement else 0.75
    assert close(second, expected, np.sqrt(expected * (1 - expected)), (x[:, 0] == 3).sum())
    if not replacement:
        assert (x[:, 0] != x[:, 1]).all()


def test_multinomial_shapes_and_limits():
    assert sorted(tg.multinomial(tg.ones(5), 5).tolist()) == list(range(5))
    assert tg.multinomial(tg.ones(5), 3).shape == (3,)
    assert tg.multinomial(tg.ones(2, 5), 3).shape == (2, 3)
    assert tg.multinomial(tg.ones(0, 5), 3).shape == (0, 3)
    assert tg.multinomial(tg.ones(2), 100, replacement=True).shape == (100,)
    assert set(tg.multinomial(tg.tensor([0.0, 1.0, 0.0]), 50, True).tolist()) == {1}
    tiny = tg.tensor([1e-310, 0.0, 3e-310], dtype=np.float64)
    assert sorted(tg.multinomial(tiny, 2).tolist()) == [0, 2]
    huge = tg.tensor([1e308, 1e308], dtype=np.float64) * 0.5
    assert set(tg.multinomial(huge, 60, True).tolist()) == {0, 1}


def test_what_is_drawn_has_no_gradient():
    mean, p = leaf([0.0, 1.0]), leaf([0.5, 0.5])
    for drawn in (tg.normal(mean, 1.0), tg.normal(0.0, p), tg.bernoulli(p), tg.multinomial(p, 1)):
        assert not drawn.requires_grad
        assert drawn.is_leaf


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tg.randint(5, 5, (2,)), "randint: there is no integer from low=5 to high - 1 = 4"),
        (lambda: tg.randint_like(tg.ones(2), 0), "randint_like: there is no integer from low=0"),
        (lambda: tg.randperm(-1), r"randperm: sizes must be at least 0, got \(-1,\)"),
        (lambda: tg.normal(0.0, -1.0, (2,)), r"normal: std must be at least 0, got -1\.0"),
        (lambda: tg.normal(tg.zeros(2), tg.tensor([1.0, -0.5])), r"normal: std must be at least 0, got -0\.5"),
        (lambda: tg.normal(tg.zeros(2), tg.ones(3)), r"normal: the shapes do not broadcast: mean \(2,\), std \(3,\)"),
        (lambda: tg.normal(tg.zeros(2), 1.0, (2,)), "normal: size is for a mean and a std that are numbers"),
        (lambda: tg.normal(0.0, 1.0), "normal: size is missing"),
        (lambda: tg.bernoulli(tg.tensor([0.5, 1.5])), "bernoulli: a probability is not from 0 to 1"),
        (lambda: tg.bernoulli(tg.tensor([tg.nan])), "bernoulli: a probability is not from 0 to 1"),
        (lambda: tg.bernoulli(tg.ones(2), -0.1), "bernoulli: a probability is not from 0 to 1"),
        (
            lambda: tg.multinomial(tg.ones(2, 2, 2), 1),
            r"multinomial: input must have one axis or two, got shape \(2, 2",
        ),
        (lambda: tg.multinomial(tg.ones(3), 0), "multinomial: num_samples must be at least 1, got 0"),
        (lambda: tg.multinomial(tg.ones(3), 4), "multinomial: 4 samples without replacement, but only 3 weights above"),
        (lambda: tg.multinomial(tg.tensor([1.0, 0.0]), 2), "2 samples without replacement, but only 1 weights above 0"),
        (lambda: tg.multinomial(tg.zeros(3), 1, True), "multinomial: there is no weight above 0"),
        (lambda: tg.multinomial(tg.ones(0), 1), "multinomial: there is no weight above 0"),
        (lambda: tg.multinomial(tg.tensor([1.0, -1.0]), 1), "a weight in input is negative, infinite or nan"),
        (lambda: tg.multinomial(tg.tensor([1.0, tg.inf]), 1), "a weight in input is negative, infinite or nan"),
        (lambda: tg.zeros(2).uniform_(2.0, 1.0), r"uniform_: from_=2\.0 is above to=1\.0"),
        (lambda: tg.zeros(2).normal_(0.0, -1.0), r"normal_: std must be at least 0, got -1\.0"),
        (lambda: tg.zeros(2).exponential_(0.0), r"exponential_: lambd must be above 0, got 0\.0"),
        (lambda: tg.zeros(2).bernoulli_(2.0), "bernoulli_: a probability is not from 0 to 1"),
        (lambda: tg.zeros(2).bernoulli_(tg.zeros(3)), r"bernoulli_: p of shape \(3,\) does not broadcast to \(2,\)"),
        (lambda: tg.zeros(2).random_(5, 5), "random_: there is no integer from low=5 to high - 1 = 4"),
    ],
)
def test_errors_of_values(call, message):
    before = tg.get_rng_state()
    with pytest.raises(tg.ShapeError, match=message):
        call()
    assert tg.get_rng_state() == before  # nothing was drawn


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: tg.rand(2, dtype=tg.int64), "rand: random floats need a float dtype, got int64"),
        (lambda: tg.randn(2, dtype=tg.bool), "randn: random floats need a float dtype, got bool"),
        (lambda: tg.randint(2), "randint: the size is missing"),
        (lambda: tg.randint(2.5, (2,)), r"randint: high is a float, not an int: 2\.5"),
        (lambda: tg.rand(2, generator=3), "rand: generator must be a NumPy Generator"),
        (lambda: tg.normal(tg.tensor([1, 2]), 1.0), "normal: mean and std must be floats, got dtype int64"),
        (lambda: tg.normal("0", 1.0, (2,)), "normal: mean must be a number, got '0'"),
        (lambda: tg.bernoulli(tg.tensor([1, 0])), "bernoulli: probabilities are floats, input has dtype int64"),
        (lambda: tg.bernoulli(0.5), "bernoulli: input is a float"),
        (lambda: tg.multinomial(tg.tensor([1, 2]), 1), "multinomial: weights are floats, input has dtype int64"),
        (lambda: tg.multinomial(tg.ones(2), 1.0), "multinomial: num_samples is a float"),
        (lambda: tg.tensor([1]).uniform_(), "uniform_: random floats need a float dtype, the tensor has dtype int64"),
        (lambda: tg.tensor([1]).normal_(), "normal_: random floats need a float dtype, the tensor has dtype int64"),
        (lambda: tg.tensor([1]).exponential_(), "exponential_: random floats need a float dtype"),
        (lambda: tg.zeros(2).uniform_("a"), "uniform_: from_ must be a number, got 'a'"),
        (lambda: tg.zeros(2).random_(2.5), r"random_: high is a float, not an int: 2\.5"),
    ],
)
def test_errors_of_types(call, message):
    with pytest.raises(tg.DTypeError, match=message):
        call()


# Seeds and states


def test_a_seed_repeats_everything():
    def draw():
        x = tg.zeros(3)
        return [
            tg.rand(3).tolist(),
            tg.randn(3).tolist(),
            tg.randint(0, 9, (3,)).tolist(),
            tg.randperm(9).tolist(),
            tg.normal(tg.zeros(3), 1.0).tolist(),
            tg.bernoulli(tg.full((9,), 0.5)).tolist(),
            tg.multinomial(tg.ones(9), 5).tolist(),
            x.uniform_().tolist(),
            x.normal_().tolist(),
            x.exponential_().tolist(),
            x.bernoulli_().tolist(),
            x.random_(100).tolist(),
        ]

    tg.manual_seed(3)
    first = draw()
    assert draw() != first
    tg.manual_seed(3)
    assert draw() == first


def test_a_generator_of_ones_own():
    for call in (
        lambda g: tg.rand(3, generator=g),
        lambda g: tg.randn(3, generator=g),
        lambda g: tg.rand_like(tg.ones(3), generator=g),
        lambda g: tg.randn_like(tg.ones(3), generator=g),
        lambda g: tg.randint(0, 99, (3,), generator=g),
        lambda g: tg.randint_like(tg.ones(3), 99, generator=g),
        lambda g: tg.randperm(9, generator=g),
        lambda g: tg.normal(0.0, 1.0, (3,), generator=g),
        lambda g: tg.bernoulli(tg.full((30,), 0.5), generator=g),
        lambda g: tg.multinomial(tg.ones(9), 5, generator=g),
        lambda g: tg.dropout(tg.ones(9), generator=g),
        lambda g: tg.zeros(3).uniform_(generator=g),
        lambda g: tg.zeros(3).normal_(generator=g),
        lambda g: tg.zeros(3).exponential_(generator=g),
        lambda g: tg.zeros(30).bernoulli_(generator=g),
        lambda g: tg.zeros(3).random_(generator=g),
    ):
        before = tg.get_rng_state()
        one, two = np.random.default_rng(5), np.random.default_rng(5)
        assert call(one).tolist() == call(two).tolist()
        assert call(one).tolist() != call(np.random.default_rng(5)).tolist()
        assert tg.get_rng_state() == before


def test_states():
    state = tg.get_rng_state()
    first = tg.rand(4).tolist()
    assert tg.get_rng_state() != state
    tg.set_rng_state(state)
    assert tg.rand(4).tolist() == first
    assert tg.random.get_rng_state is tg.get_rng_state
    assert tg.random.default_generator() is tg.default_generator()
    assert tg.manual_seed(4) is tg.default_generator()


def test_seeds_are_told():
    tg.manual_seed(17)
    assert tg.initial_seed() == 17
    chosen = tg.seed()
    first = tg.rand(3).tolist()
    assert tg.initial_seed() == chosen != 17
    tg.manual_seed(chosen)
    assert tg.rand(3).tolist() == first
    assert tg.seed() != chosen


def test_a_new_process_can_be_repeated_from_its_first_seed():
    from .tools import run

    code = (
        "import tensorgrad as tg\n"
        "first = tg.rand(3).tolist()\n"
        "tg.manual_seed(tg.initial_seed())\n"
        "assert tg.rand(3).tolist() == first\n"
        "print(first)\n"
    )
    assert run(code) != run(code)


def test_fork_rng_gives_back_what_was():
    tg.manual_seed(1)
    expected = tg.rand(3).tolist()
    tg.manual_seed(1)
    with tg.random.fork_rng():
        tg.manual_seed(99)
        tg.rand(100)
    assert tg.initial_seed() == 1
    assert tg.rand(3).tolist() == expected
    tg.manual_seed(1)
    with pytest.raises(tg.ShapeError, match="sizes must be at least 0"), tg.random.fork_rng():
        tg.rand(tg.rand(100).numel(), -1)
    assert tg.rand(3).tolist() == expected
    tg.manual_seed(1)
    with tg.random.fork_rng(enabled=False):
        tg.rand(3)
    assert tg.rand(3).tolist() != expected


def test_a_checkpoint_draws_the_same_again():
    x = leaf([1.0, 2.0, 3.0])

    def noisy(v):
        return (v * tg.rand_like(v) * tg.bernoulli(tg.full((3,), 0.5)) * v.new_zeros(3).uniform_(1, 2)).sum()

    tg.manual_seed(8)
    noisy(x).backward()
    expected = array(x.grad).copy()
    x.grad = None
    tg.manual_seed(8)
    tg.func.checkpoint(noisy, x).backward()
    np.testing.assert_array_equal(array(x.grad), expected)


# Filled in place

FILLS = {
    "uniform_": lambda x: x.uniform_(-1.0, 3.0),
    "normal_": lambda x: x.normal_(2.0, 0.5),
    "exponential_": lambda x: x.exponential_(2.0),
    "bernoulli_": lambda x: x.bernoulli_(0.25),
    "random_": lambda x: x.random_(3, 7),
}
MEANS = {
    "uniform_": (1.0, 4 / np.sqrt(12)),
    "normal_": (2.0, 0.5),
    "exponential_": (0.5, 0.5),
    "bernoulli_": (0.25, np.sqrt(3 / 16)),
    "random_": (4.5, np.sqrt(15 / 12)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FILLS)
def test_fills(name, dtype):
    x = tg.zeros(MANY, dtype=dtype)
    memory = x.data
    assert FILLS[name](x) is x
    assert x.data is memory
    assert x.dtype == dtype
    mean, deviation = MEANS[name]
    assert close(memory.mean(), mean, deviation)
    assert close(memory.std(), deviation, deviation * 1.5)


def test_ranges_of_fills():
    x = tg.zeros(3000)
    assert set(x.random_(3, 6).tolist()) == {3.0, 4.0, 5.0}
    assert set(x.random_(2).tolist()) == {0.0, 1.0}
    assert set(x.bernoulli_(tg.tensor(1.0)).tolist()) == {1.0}
    assert tg.zeros(3).bernoulli_(tg.tensor([1.0, 0.0, 1.0])).tolist() == [1.0, 0.0, 1.0]
    assert set(tg.zeros(200, dtype=tg.bool).random_().tolist()) == {False, True}
    assert set(tg.zeros(200, dtype=tg.bool).bernoulli_().tolist()) == {False, True}
    half = tg.zeros(3000, dtype=tg.float16)
    values = half.uniform_(1.0, 2.0).data
    assert values.min() >= 1.0
    assert values.max() < 2.0
    for dtype, largest in ((tg.uint8, 255), (tg.int8, 127), (tg.float16, 2048), (tg.float32, 2**24)):
        drawn = tg.zeros(20_000, dtype=dtype).random_().data.astype(np.float64)
        assert largest * 0.99 < drawn.max() <= largest
        assert (drawn == drawn.round()).all()
    assert tg.zeros(100, dtype=tg.int64).random_().data.max() > 2**60
    assert tg.zeros(100, dtype=tg.float64).random_().data.max() > 2**51
    assert tg.zeros(3).uniform_(2.0, 2.0).tolist() == [2.0] * 3
    assert tg.zeros(()).normal_().shape == ()
    assert tg.zeros(0).normal_().shape == (0,)


@pytest.mark.parametrize("name", FILLS)
def test_fills_write_to_views_and_are_noticed(name):
    base = tg.zeros(4, 4)
    FILLS[name](base[:, ::2])
    assert base[:, 1::2].abs().sum().item() == 0.0
    assert base.abs().sum().item() > 0.0
    x = tg.tensor([1.0, 2.0])
    y = leaf([1.0, 2.0], np.float32)
    z = (x * y).sum()
    FILLS[name](x)
    with pytest.raises(tg.GradientError, match="changed in place"):
        z.backward()


@pytest.mark.parametrize("name", FILLS)
def test_fills_of_a_leaf_that_requires_a_gradient(name):
    x = leaf([1.0, 2.0])
    before = tg.get_rng_state()
    with pytest.raises(tg.GradientError, match=f"{name}: a leaf that requires a gradient cannot be changed in place"):
        FILLS[name](x)
    assert x.tolist() == [1.0, 2.0]
    assert tg.get_rng_state() == before
    with tg.no_grad():
        FILLS[name](x)
    assert x.requires_grad
    assert x.tolist() != [1.0, 2.0]
    with pytest.raises(tg.GradientError, match=f"{name}: the tensor's memory cannot be written to"):
        FILLS[name](tg.zeros(1).expand(3))


@pytest.mark.parametrize("name", FILLS)
def test_fills_of_a_recorded_tensor_stop_its_gradient(name):
    x = leaf([1.0, 2.0])
    y = x * 3.0
    before = y * y
    FILLS[name](y)
    (y.sum() + before.sum()).backward()
    np.testing.assert_array_equal(array(x.grad), 18 * np.array([1.0, 2.0]))  # of `before` alone


@pytest.mark.parity
@pytest.mark.parametrize("name", FILLS)
def test_fills_have_pytorchs_distributions(name):
    """Quantiles of both, of as many draws."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours, theirs = FILLS[name](tg.zeros(MANY)).data, FILLS[name](torch.zeros(MANY)).numpy()
    points = np.linspace(0.05, 0.95, 19)
    if name in ("bernoulli_", "random_"):
        for value in np.unique(theirs):
            assert abs((ours == value).mean() - (theirs == value).mean()) < 0.02
    else:
        np.testing.assert_allclose(np.quantile(ours, points), np.quantile(theirs, points), atol=0.08)
    tally.count("values")
