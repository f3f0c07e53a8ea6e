"""Hyper-parameters, names and numbers in words."""

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz.kinds import LOOKS, PATTERNS, category_of
from tensorgrad.viz.words import number, plain, readable

from .graphs import leaf, values


def hyper(tensor):
    return [node for node in viz.graph(tensor).nodes if node.kind == "op"][-1].hyper


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda x: tg.conv2d(x, leaf(values(2, 2, 3, 2))), "3x2, stride 1, pad 0"),
        (
            lambda x: tg.conv2d(x, leaf(values(2, 1, 3, 3)), stride=(2, 1), padding=1, groups=2),
            "3x3, stride 2x1, pad 1, groups 2",
        ),
        (
            lambda x: tg.conv2d(x, leaf(values(2, 2, 2, 2)), padding="same", dilation=3),
            "2x2, stride 1, pad 1+2, dilation 3",
        ),
        (lambda x: tg.max_pool2d(x, 3, 2, 1, ceil_mode=True), "3x3, stride 2, pad 1, ceil_mode"),
        (lambda x: tg.reshape(x, -1), ""),
        (lambda x: tg.sum(x, (0, 1), keepdim=True), "dims (0, 1), keepdim"),
        (lambda x: tg.softmax(x, 1), "dim 1"),
        (lambda x: x[:, 0, ..., 1:5:2], "index [:, 0, ..., 1:5:2]"),
        (lambda x: x[np.array([0])], "index int64 array (1,)"),
        (lambda x: tg.permute(x, 0, 2, 3, 1), "dims (0, 2, 3, 1)"),
        (lambda x: tg.dropout(x, 0.25), "p 0.25"),
        (lambda x: x + 1, ""),
    ],
)
def test_hyper_parameters(call, expected):
    assert hyper(call(leaf(values(1, 2, 8, 8)))) == expected


def test_gradients_of_convolutions_name_their_window():
    x, w = leaf(values(1, 1, 6, 6)), leaf(values(2, 1, 3, 3))
    gx, gw = tg.grad((tg.conv2d(x, w, padding=1) ** 2).sum(), [x, w], create_graph=True)
    said = {n.name: n.hyper for n in viz.graph([gx, gw]).nodes if n.kind == "op" and n.name.startswith("conv2d")}
    assert said == dict.fromkeys(("conv2d", "conv2d_input_grad", "conv2d_weight_grad"), "3x3, stride 1, pad 1")


def test_parameters_of_any_kind_are_readable():
    class Unprintable:
        def __repr__(self):
            raise RuntimeError

    assert readable(Unprintable()) == "a Unprintable"
    assert readable({"a": 1}) == "a dict"
    assert readable([1, (2.0, None)]) == "[1, (2, None)]"
    assert readable(np.dtype("float32")) == "float32"
    assert len(readable(tuple(range(10**6)))) <= 80


def test_plain_text():
    class Unprintable:
        def __str__(self):
            raise RuntimeError

    assert plain("a\nb\tc\0d\x1b[31m") == "a b cd[31m"
    assert plain("abc\u202edef\u2066") == "abcdef"
    assert plain("\ud800x\ufffe") == "x"
    assert plain("重み β 🙂") == "重み β 🙂"
    assert plain(Unprintable()) == "unprintable Unprintable"
    long = plain("start" + "x" * 20_000 + "end")
    assert (len(long), long[:5], long[-3:]) == (80, "start", "end")


def test_numbers():
    said = [number(v) for v in (None, 0.0, 1.0, 0.123456, 1234.5, 1.5e6, 1e-5, float("nan"))]
    assert said == ["-", "0", "1", "0.123", "1234", "1.5e+06", "1e-05", "nan"]


def test_every_category_has_its_look():
    assert {category for category, _ in PATTERNS} < set(LOOKS)
    looks = [(look.shape, look.style, look.fill) for look in LOOKS.values()]
    assert len(set(looks)) == len(looks)
    assert [category_of(p) for p in (tg.relu, tg.mul, tg.clone)] == ["activation", "elementwise", "reshaping"]


def test_a_users_primitive_has_a_category():
    @tg.primitive
    def wobble(x):
        return x * 2

    wobble.defvjps(lambda g: g * 2)
    (node,) = [n for n in viz.graph(wobble(leaf(1.0))).nodes if n.kind == "op"]
    assert (node.name, node.category) == ("wobble", "operation")
