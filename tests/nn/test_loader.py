"""DataLoader and TensorDataset."""

import itertools

import numpy as np
import pytest

import tensorgrad as tg
from nn.data import DataLoader, TensorDataset
from nn.errors import StateError

X = np.arange(20, dtype=np.float32).reshape(10, 2)
Y = np.arange(10)


def values(loader):
    return [tuple(tensor.numpy().tolist() for tensor in batch) for batch in loader]


def labels(loader):
    return [batch[-1].numpy().tolist() for batch in loader]


def test_batches_come_in_order_and_keep_dtypes():
    loader = DataLoader(X, Y, batch_size=4)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert labels(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for x, y in batches:
        assert isinstance(x, tg.Tensor)
        assert isinstance(y, tg.Tensor)
        assert x.numpy().dtype == np.float32
        assert y.numpy().dtype == Y.dtype
        np.testing.assert_array_equal(x.numpy(), X[y.numpy()])


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32", "float64", "bool"])
def test_dtypes_are_kept(dtype):
    ((batch,),) = DataLoader(np.ones(3, dtype), batch_size=3)
    assert batch.numpy().dtype == dtype


@pytest.mark.parametrize(
    ("count", "size", "drop", "sizes"),
    [
        (10, 4, False, [4, 4, 2]),
        (10, 4, True, [4, 4]),
        (10, 5, False, [5, 5]),
        (10, 5, True, [5, 5]),
        (3, 4, False, [3]),
        (3, 4, True, []),
        (2, 1, False, [1, 1]),
        (0, 4, False, []),
        (0, 4, True, []),
    ],
)
def test_the_last_batch(count, size, drop, sizes):
    loader = DataLoader(np.zeros((count, 3), np.float32), batch_size=size, drop_last=drop, shuffle=True)
    assert [batch.shape for (batch,) in loader] == [(n, 3) for n in sizes]
    assert len(loader) == len(sizes)


def test_batch_size_is_one_unless_given():
    assert labels(DataLoader(Y[:3])) == [[0], [1], [2]]


def test_a_dataset_may_be_followed_by_the_batch_size_as_in_pytorch():
    assert labels(DataLoader(TensorDataset(X, Y), 5, shuffle=False)) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert DataLoader(X, Y).batch_size == 1


def test_shuffling_takes_each_example_once_and_keeps_pairs_together():
    loader = DataLoader(X, Y, batch_size=3, shuffle=True, generator=np.random.default_rng(0))
    passes = [list(itertools.chain(*labels(loader))) for _ in range(2)]
    assert [sorted(order) for order in passes] == [list(range(10))] * 2
    assert passes[0] != passes[1] != list(range(10))
    for x, y in loader:
        np.testing.assert_array_equal(x.numpy(), X[y.numpy()])


def test_the_generator_decides_the_order():
    def orders(seed):
        loader = DataLoader(Y, batch_size=4, shuffle=True, generator=np.random.default_rng(seed))
        return [labels(loader), labels(loader)]

    assert orders(1) == orders(1)
    assert orders(1) != orders(2)


def test_the_state_of_the_generator_is_all_that_a_pass_depends_on():
    generator = np.random.default_rng(5)
    loader = DataLoader(Y, batch_size=4, shuffle=True, generator=generator)
    labels(loader)
    state = generator.bit_generator.state
    second = labels(loader)
    generator.bit_generator.state = state
    assert labels(loader) == second


def test_without_a_generator_manual_seed_decides():
    loader = DataLoader(Y, batch_size=4, shuffle=True)
    tg.manual_seed(3)
    first = labels(loader)
    other = labels(loader)
    tg.manual_seed(3)
    assert labels(loader) == first != other


def test_without_shuffling_no_generator_is_touched():
    generator = np.random.default_rng(0)
    labels(DataLoader(Y, batch_size=4, generator=generator))
    assert generator.bit_generator.state == np.random.default_rng(0).bit_generator.state
    tg.manual_seed(0)
    before = tg.default_generator().bit_generator.state
    labels(DataLoader(Y, batch_size=4))
    assert tg.default_generator().bit_generator.state == before


def test_two_passes_at_a_time_do_not_disturb_each_other():
    loader = DataLoader(Y, batch_size=2, shuffle=True, generator=np.random.default_rng(0))
    one, two = [], []
    for (a,), (b,) in zip(loader, loader, strict=True):
        one += a.numpy().tolist()
        two += b.numpy().tolist()
    assert sorted(one) == sorted(two) == list(range(10))


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_are_copies(shuffle):
    x = X.copy()
    for (batch,) in DataLoader(x, batch_size=4, shuffle=shuffle):
        batch.numpy()[...] = -1
    np.testing.assert_array_equal(x, X)


def test_tensors_and_strided_arrays_serve_as_data():
    tensor = tg.from_numpy(X)
    assert values(DataLoader(tensor, X[::-1], batch_size=10)) == [(X.tolist(), X[::-1].tolist())]


def test_tensor_dataset_answers_numbers_slices_and_arrays():
    dataset = TensorDataset(X, tg.from_numpy(Y))
    assert len(dataset) == 10
    assert [array.tolist() for array in dataset[3]] == [[6, 7], 3]
    assert dataset[2:4][1].tolist() == [2, 3]
    assert dataset[np.array([7, 7, 0])][1].tolist() == [7, 7, 0]
    assert repr(dataset) == "TensorDataset((10, 2) float32, (10,) int64)"


class Squares:
    """A data set of one's own: makes its examples when they are asked for."""

    def __init__(self, wrap):
        self.wrap = wrap

    def __len__(self):
        return 7

    def __getitem__(self, numbers):
        return self.wrap(numbers)


@pytest.mark.parametrize(
    ("wrap", "expected"),
    [
        (lambda n: n**2, [([0, 1, 4, 9],), ([16, 25, 36],)]),
        (lambda n: (n, n**2), [([0, 1, 2, 3], [0, 1, 4, 9]), ([4, 5, 6], [16, 25, 36])]),
        (lambda n: [n, tg.from_numpy(-n)], [([0, 1, 2, 3], [0, -1, -2, -3]), ([4, 5, 6], [-4, -5, -6])]),
    ],
    ids=["one array", "tuple", "list with a tensor"],
)
def test_a_dataset_of_ones_own(wrap, expected):
    assert values(DataLoader(Squares(wrap), batch_size=4)) == expected


def test_repr():
    assert repr(DataLoader(X, Y, batch_size=4, shuffle=True)) == "DataLoader(10 examples, batch_size=4, shuffle=True)"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: DataLoader(X, Y[:9]), tg.ShapeError, "TensorDataset: arrays of different lengths: 10, 9"),
        (lambda: DataLoader(), tg.ShapeError, "TensorDataset: no array given"),
        (
            lambda: TensorDataset(X, np.array(3)),
            tg.ShapeError,
            "TensorDataset: argument 1 has no dimension that could count examples",
        ),
        (
            lambda: TensorDataset(X, [1, 2]),
            tg.DTypeError,
            "TensorDataset: argument 1 is a list, expected a NumPy array or a Tensor",
        ),
        (
            lambda: DataLoader((X, Y), batch_size=2),
            tg.DTypeError,
            "DataLoader: got a tuple; pass the arrays one by one, DataLoader(x, y)",
        ),
        (lambda: DataLoader(X, batch_size=0), tg.ShapeError, "DataLoader: batch_size is 0, expected 1 or more"),
        (lambda: DataLoader(X, batch_size=-3), tg.ShapeError, "DataLoader: batch_size is -3, expected 1 or more"),
        (
            lambda: DataLoader(X, batch_size=2.0),
            tg.DTypeError,
            "DataLoader: batch_size is 2.0, expected a whole number",
        ),
        (
            lambda: DataLoader(X, batch_size=None),
            tg.DTypeError,
            "DataLoader: batch_size is None, expected a whole number",
        ),
        (
            lambda: DataLoader(X, shuffle=True, generator=0),
            tg.DTypeError,
            "DataLoader: generator is a int, expected np.random.default_rng(seed) or None",
        ),
    ],
)
def test_error_texts(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value) == text


def loader_of(count=10, size=3, **more):
    return DataLoader(np.arange(count), batch_size=size, shuffle=True, generator=np.random.default_rng(4), **more)


@pytest.mark.parametrize("taken", [0, 1, 3, 4])
def test_a_pass_goes_on_in_another_loader_where_the_state_says(taken):
    first = loader_of()
    expected = labels(loader_of())
    batches = iter(first)
    for _ in range(taken):
        next(batches)
    state = first.state_dict()
    assert state["batches"] == taken
    other = loader_of()
    other.generator = first.generator
    other.load_state_dict(state)
    if taken:
        assert other.state_dict()["order"].tolist() == state["order"].tolist()
        assert other.state_dict()["batches"] == taken
    assert labels(other) == expected[taken:]
    assert other.state_dict() == {"order": None, "batches": 0, "batch_size": 3}
    assert len(labels(other)) == 4  # the next pass is a whole one


def test_between_passes_there_is_nothing_to_take_up():
    loader = loader_of()
    assert loader.state_dict() == {"order": None, "batches": 0, "batch_size": 3}
    labels(loader)
    loader.load_state_dict(loader.state_dict())
    assert len(labels(loader)) == 4


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"batch_size": 4}, "DataLoader: the state has batches of 4, this loader of 3"),
        ({"order": np.arange(9)}, "DataLoader: the state's order is not one of this data set's 10 examples"),
        ({"order": np.zeros(10, int)}, "DataLoader: the state's order is not one of this data set's 10 examples"),
        ({"batches": 5}, "DataLoader: the state is at batch 5 of 4"),
        ({"batches": -1}, "DataLoader: the state is at batch -1 of 4"),
        ({"batches": "1"}, "DataLoader: the state is at batch 1 of 4"),
        ({"more": 1}, "DataLoader: the state holds order, batches, batch_size, more, not order and batches"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(change, text):
    loader = loader_of()
    next(iter(loader))
    with pytest.raises(StateError) as caught:
        loader.load_state_dict({**loader.state_dict(), **change})
    assert str(caught.value) == text
    assert len(labels(loader)) == 4
