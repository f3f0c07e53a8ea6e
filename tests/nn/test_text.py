"""The notation of lectures and papers: what it builds, how it is printed, and its errors."""

import random
import re
import time

import numpy as np
import pytest

import nn
import tensorgrad as tg


def layers(text, in_shape=(1, 28, 28)):
    return [repr(layer).replace("_size", "").replace("kernel=", "") for layer in nn.cnn(text, in_shape)]


def kinds(text, in_shape=(1, 28, 28)):
    return " ".join(type(layer).__name__ for layer in nn.cnn(text, in_shape))


def test_the_lectures_network():
    net = nn.cnn("[3x3, 16] pool [3x3, 32] pool fc 10", in_shape=(1, 28, 28))
    expected = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 7 * 7, 10)),
    )
    assert repr(net) == repr(expected)
    assert net(np.zeros((5, 1, 28, 28), np.float32)).shape == (5, 10)
    found = nn.summary(net, (1, 1, 28, 28))
    assert found.notation == nn.notation(net) == "[3x3, 16] pool [3x3, 32] pool fc 10"
    assert str(found).endswith("\n[3x3, 16] pool [3x3, 32] pool fc 10")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("[3x3, 8]", "Conv2d ReLU"),
        ("[3x3, 8] relu", "Conv2d ReLU"),
        ("[3x3, 8] linear", "Conv2d"),
        ("[3x3, 8] tanh", "Conv2d Tanh"),
        ("[3x3, 8] sigmoid pool", "Conv2d Sigmoid MaxPool2d"),
        ("[3x3, 8] bn", "Conv2d BatchNorm2d ReLU"),
        ("[3x3, 8] bn tanh", "Conv2d BatchNorm2d Tanh"),
        ("[3x3, 8] relu bn", "Conv2d ReLU BatchNorm2d"),
        ("[3x3, 8] bn bn pool bn", "Conv2d BatchNorm2d BatchNorm2d ReLU MaxPool2d BatchNorm2d"),
        ("[3x3, 8] x3", "Conv2d ReLU Conv2d ReLU Conv2d ReLU"),
        ("[3x3,8]x2 pool x2", "Conv2d ReLU Conv2d ReLU MaxPool2d MaxPool2d"),
        ("[3x3, 8] \N{MULTIPLICATION SIGN} 2 gap", "Conv2d ReLU Conv2d ReLU AdaptiveAvgPool2d"),
        ("([3x3, 8] bn) x2", "Conv2d BatchNorm2d ReLU Conv2d BatchNorm2d ReLU"),
        ("(([3x3, 8]) x2 pool) x2", "Conv2d ReLU Conv2d ReLU MaxPool2d Conv2d ReLU Conv2d ReLU MaxPool2d"),
        ("avgpool dropout", "AvgPool2d Dropout"),
        ("fc 10", "Flatten Linear"),
        ("fc 20 fc 10", "Flatten Linear ReLU Linear"),
        ("fc 20 bn dropout 0.3 fc 10 softmax", "Flatten Linear BatchNorm1d ReLU Dropout Linear Softmax"),
        ("fc 10 relu", "Flatten Linear ReLU"),
        ("flatten dropout .5 fc 10 log_softmax", "Flatten Dropout Linear LogSoftmax"),
        ("fc 20 linear fc 10", "Flatten Linear Linear"),
        ("pool 3x3 stride 2 x2", "MaxPool2d MaxPool2d"),
        ("pool 3x3 stride 2 x 2", "MaxPool2d MaxPool2d"),
        ("pool 3x3 stride 2x1 x2", "MaxPool2d MaxPool2d"),
        ("pool padding 1 x2", "MaxPool2d MaxPool2d"),
        ("avgpool 2x2 x2", "AvgPool2d AvgPool2d"),
        ("fc 10 x3", "Flatten Linear ReLU Linear ReLU Linear"),
        ("fc 10 \N{MULTIPLICATION SIGN}2", "Flatten Linear ReLU Linear"),
        ("dropout 0.5 x2", "Dropout Dropout"),
        ("([3x3, 8]x2)x2", "Conv2d ReLU Conv2d ReLU Conv2d ReLU Conv2d ReLU"),
    ],
)
def test_what_is_built(text, expected):
    assert kinds(text) == expected


def test_options():
    assert layers("[3x3, 16, stride 2]")[0] == "Conv2d(1, 16, (3, 3), stride=(2, 2), padding=(1, 1))"
    assert layers("[5x3, 16, padding 0, stride 2x1]")[0] == "Conv2d(1, 16, (5, 3), stride=(2, 1))"
    assert layers("[3x3, 4, dilation 2, groups 2]", (2, 9, 9))[0].endswith("padding=(2, 2), dilation=(2, 2), groups=2)")
    assert layers("[2x2, 4]")[0] == "Conv2d(1, 4, (2, 2), stride=(1, 1), padding=same)"
    assert layers("[1x1, 4]")[0] == "Conv2d(1, 4, (1, 1), stride=(1, 1))"
    assert layers("pool 3x3 stride 2 padding 1")[0].startswith("MaxPool2d(3, stride=2, padding=1,")
    assert layers("avgpool 2x3")[0] == "AvgPool2d((2, 3), stride=(2, 3), padding=0)"
    assert layers("pool 3x3 stride 2 x2") == layers("pool 3x3 stride 2 pool 3x3 stride 2")
    assert layers("pool padding 1 x2") == layers("pool padding 1 pool padding 1")
    assert layers("dropout 0.3")[0] == "Dropout(p=0.3, inplace=False)"


def test_sizes_are_worked_out():
    texts = ["[5x5, 6, stride 3] pool 3x2 fc 7", "[4x4, 6, padding 2, stride 2] avgpool 3x3 stride 2 padding 1 fc 7"]
    texts += ["[3x3, 4, dilation 3, padding 1] [2x2, 3] fc 7", "gap fc 7", "[7x7, 2, stride 5x4] bn fc 7"]
    for text in texts:
        net = nn.cnn(text, (3, 29, 31))
        assert net(tg.zeros(2, 3, 29, 31)).shape == (2, 7), text


def test_dtype_and_generator():
    nets = [nn.cnn("[3x3, 2] bn fc 3", (1, 4, 4), dtype=np.float64, generator=np.random.default_rng(1)) for _ in "ab"]
    states = [net.state_dict() for net in nets]
    for name, tensor in states[0].items():
        assert tensor.dtype == (np.int64 if "num" in name else np.float64)
        np.testing.assert_array_equal(tensor.data, states[1][name].data)


@pytest.mark.parametrize(
    "text, message, position",
    [
        ("[3x3 16]", "a comma should stand here, got '16'", 6),
        ("[3x, 16]", "a kernel size such as 3x3 should stand here, got '3'", 2),
        ("[3x3, 16", "a comma or ] should stand here, the text ends", 9),
        ("[3x3, 1.5]", "a whole number from 1 should stand here, got '1.5'", 7),
        ("[3x3, 0]", "a whole number from 1 should stand here, got '0'", 7),
        ("[3x3, many]", "the number of kernels should stand here, got 'many'", 7),
        ("[3x3, 16, step 2]", "an option: stride, padding, dilation, groups should stand here, got 'step'", 11),
        ("[3x3, 16, stride]", "the stride should stand here, got ']'", 17),
        ("[3x3, 16] pol", "'pol' is no layer: a layer is [KxK, N] or one of pool, avgpool,", 11),
        ("3x3, 16", "'3x3' is no layer: a convolution is written [3x3, 16]", 1),
        ("pool fc", "the number of units should stand here, the text ends", 8),
        ("fc 10 pool", "maps are needed here, and there are 10 values in a row", 7),
        ("fc 10 [3x3, 4]", "maps are needed here, and there are 10 values in a row", 7),
        ("x2 pool", "there is no layer to repeat", 1),
        ("pool x0", "a layer is repeated at least once", 6),
        ("pool (fc 10", "this parenthesis is not closed", 6),
        ("pool) fc 10", "this parenthesis was not opened", 5),
        ("dropout 2", "dropout takes a probability from 0 to 1, got 2", 9),
        ("[2x2, 4, stride 2]", "a 2x2 kernel has no middle: say its padding at stride 2", 1),
        ("[3x3, 4, groups 2]", "groups 2 does not divide 1 channels and 4 kernels", 1),
        ("pool x5", "a 2x2 window does not fit maps of 1x1", 1),
        ("pool [15x15, 3, padding 0]", "a 15x15 window does not fit maps of 14x14", 6),
        ("pool 2x2 padding 2", "padding 2 is more than half of the window", 1),
        ("pool\n[3x3; 4]", "a comma should stand here, got ';'", 10),
        ("pool 0x0", "a whole number from 1 should stand here, got '0'", 6),
        ("pool 3x0", "a whole number from 1 should stand here, got '0'", 8),
        ("pool 3x3 stride 1x0", "a whole number from 1 should stand here, got '0'", 19),
        ("[0x3, 4]", "a whole number from 1 should stand here, got '0'", 2),
        ("[3x3, 4, stride 0x1]", "a whole number from 1 should stand here, got '0'", 17),
        ("[3x3, 99999999999999999999]", "a number of at most 9 digits should stand here, got '99999999999", 7),
        (f"fc {'9' * 5000}", "a number of at most 9 digits should stand here, got '99999999999", 4),
        ("pool 2x9999999999", "a number of at most 9 digits should stand here, got '9999999999'", 8),
        ("pool stride 9999999999", "a number of at most 9 digits should stand here, got '9999999999'", 13),
        ("pool x99999999999999999999", "a number of at most 9 digits should stand here, got '99999999999", 7),
        ("[3x3, 1, padding 999999999] linear fc 7", "weights of 7x4000000096000000576 are too many", 36),
        ("[3x3, 4, stride 2, stride 3]", "there is a stride already", 20),
        ("[3x3, 4, stride 2, padding 1, stride 2]", "there is a stride already", 31),
        ("avgpool padding 0 padding 1", "there is a padding already", 19),
        ("[3x3, 4, groups 2x3]", "the number of groups should stand here, got '2x3'", 17),
        ("[3 x 3, 4]", "a kernel size such as 3x3 should stand here, got '3'", 2),
        ("[3x 3, 4]", "a kernel size such as 3x3 should stand here, got '3'", 2),
        ("[3x3, 4, stride 2 x2]", "a comma or ] should stand here, got 'x2'", 19),
        ("fc 10x3", "the number of units should stand here, got '10x3'", 4),
        ("pool 2x2x2", "'x' is no layer: a layer is", 9),
        ("pool stride 2x 2", "'x' is no layer: a layer is", 14),
        ("pool 3 x3", "'3' is no layer: a convolution is written [3x3, 16]", 6),
        ("dropout 0.5x2", "'x' is no layer: a layer is", 12),
        ("pool x-1", "a repeat is x and a whole number, as in x2, got 'x-1'", 6),
        ("pool x1.5 fc 10", "a repeat is x and a whole number, as in x2, got 'x1.5'", 6),
        (
            "pool \N{MULTIPLICATION SIGN} .5",
            "a repeat is x and a whole number, as in x2, got '\N{MULTIPLICATION SIGN} .5",
            6,
        ),
        ("x1.5", "a repeat is x and a whole number, as in x2, got 'x1.5'", 1),
        ("([3x3, 8] bn) x + 2", "a repeat is x and a whole number, as in x2, got 'x + 2'", 15),
        ("relu x999999999", "the network would have more than 10,000 layers here", 6),
        ("relu x10001", "the network would have more than 10,000 layers here", 6),
        ("((relu x200) x200) x200", "the network would have more than 10,000 layers here", 14),
        ("relu x6000 (relu x6000)", "the network would have more than 10,000 layers here", 23),
        ("relu x10000 tanh", "the network would have more than 10,000 layers here", 13),
        ("fc 999999999", "weights of 999999999x784 are too many", 1),
        ("fc 45000 fc 45000 fc 5000", "weights of 5000x45000 are too many", 19),
        ("fc 50000 x10", "weights of 50000x50000 are too many", 1),
        ("[3x3, 99999] x9", "weights of 99999x99999x3x3 are too many", 1),
        ("linear", "there is no layer that linear keeps an activation from", 1),
        ("(linear) x2", "there is no layer that linear keeps an activation from", 2),
    ],
)
def test_errors_show_the_place(text, message, position):
    with pytest.raises(tg.ShapeError, match=re.escape(f"cnn: {message}")) as caught:
        nn.cnn(text, (1, 28, 28))
    first, line, mark = str(caught.value).split("\n")
    assert first.endswith(f"(position {position})")
    assert line == "  " + text.replace("\n", " ")
    assert mark == "  " + " " * (position - 1) + "^"


def test_weights_without_memory_are_told(monkeypatch):
    def full(shape, dtype):
        raise MemoryError

    monkeypatch.setattr(nn.linear, "blank", full)
    with pytest.raises(tg.ShapeError, match="cnn: there is not enough memory for the weights") as caught:
        nn.cnn("pool fc 10", (1, 28, 28))
    assert str(caught.value).endswith("\n  pool fc 10\n       ^")


def test_weights_of_batch_norm_count():
    """Without their being counted, it is only found when they are made that there is no memory for so many."""
    with pytest.raises(tg.ShapeError, match=f"cnn: weights of 4x{10**15} are too many"):
        nn.cnn("bn", (10**15, 1, 1))
    with pytest.raises(tg.ShapeError, match=f"cnn: weights of 4x{2**61} are too many"), nn.meta():
        nn.cnn("bn", (2**61, 1, 1))


def test_without_values_weights_may_be_many():
    with nn.meta():
        net = nn.cnn("fc 999999999", (1, 28, 28))
        assert net[1].weight.shape == (999_999_999, 784)


def test_as_many_layers_as_there_may_be_take_a_time_that_grows_with_their_number():
    def seconds(count):
        best = 9.0
        for _ in range(3):
            start = time.perf_counter()
            assert len(nn.cnn(f"relu x{count}", (1, 4, 4))) == count
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(10_000) < 40 * seconds(1_000)  # about 10; 100 where each layer counted those before it


def test_other_errors():
    with pytest.raises(tg.ShapeError, match="cnn: the text names no layer"):
        nn.cnn("  ", (1, 2, 3))
    for shape in [(28, 28), (1, 0, 28), (1, 28.0, 28), None, 28, (True, 2, 3), (1, 2, np.True_)]:
        with pytest.raises(tg.ShapeError, match=r"cnn: in_shape must be \(channels, height, width\), got "):
            nn.cnn("fc 10", shape)
    for text in (None, b"fc 10", 3, ["fc 10"]):
        with pytest.raises(tg.DTypeError, match=re.escape(f"cnn: text must be a string, got {text!r}")):
            nn.cnn(text, (1, 28, 28))
    for generator in (5, "seed", np.random.RandomState(0)):
        with pytest.raises(tg.DTypeError, match="cnn: generator must be a NumPy Generator or None, got "):
            nn.cnn("pool", (1, 28, 28), generator=generator)
    wide = [np.longdouble] if np.dtype(np.longdouble) != np.float64 else []
    for dtype in (np.int64, "int64", "none", 3, bool, complex, *wide):
        with pytest.raises(tg.DTypeError, match="cnn: dtype must be float16, float32 or float64, got "):
            nn.cnn("pool", (1, 28, 28), dtype=dtype)
    assert nn.cnn("fc 3", (1, 2, 2), dtype=">f4")[1].weight.dtype == np.float32
    with pytest.raises(tg.ShapeError, match="notation: 0 is a Upsample, which has no notation"):
        nn.notation(nn.Sequential(nn.Upsample(scale_factor=2)))
    with pytest.raises(tg.ShapeError, match="notation: the model is a LeNet5, which has no notation"):
        nn.notation(nn.models.lenet5())


@pytest.mark.parametrize(
    "text, canonical",
    [
        ("[3x3,8]relu pool", "[3x3, 8] pool"),
        ("[3x3, 8] linear [3x3, 8] linear fc 3", "[3x3, 8] linear [3x3, 8] linear fc 3"),
        ("[3x3, 8] [3x3, 8] \N{MULTIPLICATION SIGN} 2 avgpool 2x2", "[3x3, 8] x3 avgpool"),
        ("[3x3, 8, padding 1] bn linear gap flatten fc 3", "[3x3, 8] bn linear gap fc 3"),
        ("fc 8 relu fc 3 relu", "fc 8 fc 3 relu"),
        ("[3x3, 8] relu relu bn tanh dropout 0.30", "[3x3, 8] relu relu bn tanh dropout 0.3"),
        ("fc 8 bn", "fc 8 bn"),
        ("fc 8 flatten fc 3 softmax", "fc 8 flatten fc 3 softmax"),
        ("[2x2, 3, padding 0] pool 3x3 stride 2 padding 1", "[2x2, 3, padding 0] pool 3x3 stride 2 padding 1"),
    ],
)
def test_what_is_printed(text, canonical):
    assert nn.notation(nn.cnn(text, (1, 28, 28))) == canonical


def test_what_is_printed_builds_the_same_again():
    rng = random.Random(0)
    maps = [
        "[3x3, 4]",
        "[2x2, 4]",
        "[5x5, 6, stride 2]",
        "[3x3, 4, padding 0]",
        "[3x3, 4, dilation 2, groups 2]",
        "pool",
    ]
    maps += ["avgpool 3x3 stride 1", "gap", "bn", "relu", "tanh", "linear", "dropout 0.25", "[1x1, 2] x3", "sigmoid"]
    flat = ["fc 4", "fc 9", "bn", "relu", "tanh", "linear", "dropout 0.5", "softmax", "flatten"]
    built = 0
    while built < 500:
        text = " ".join(rng.choices(maps, k=rng.randrange(6)) + rng.choices(flat, k=rng.randrange(6)))
        try:
            net = nn.cnn(text, (2, 17, 13))
        except tg.ShapeError:
            continue
        again = nn.notation(net)
        assert repr(nn.cnn(again, (2, 17, 13))) == repr(net), (text, again)
        assert nn.notation(nn.cnn(again, (2, 17, 13))) == again
        built += 1
