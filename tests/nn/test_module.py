"""Module: what it finds inside itself, its state, hooks, calls, copies, and the ways to import it."""

import copy
import math
import pickle
import re
import subprocess
import sys
import threading
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import names as nn_names
from nn.restore import left_as_it_was
from tests.parity import tally

HERE = Path(__file__).name


class Block(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.fc = nn.Linear(width, width)
        self.scale = nn.Parameter(tg.ones(width))
        self.register_buffer("offset", tg.zeros(width))
        self.register_buffer("scratch", tg.zeros(1), persistent=False)

    def forward(self, x):
        return self.fc(x) * self.scale + self.offset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Block()
        self.gain = nn.Parameter(tg.tensor(2.0))
        self.rest = nn.Sequential(nn.ReLU(), Block())

    def forward(self, x):
        return self.rest(self.first(x)) * self.gain


KEYS = [
    "gain",
    *("first.scale", "first.offset", "first.fc.weight", "first.fc.bias"),
    *("rest.1.scale", "rest.1.offset", "rest.1.fc.weight", "rest.1.fc.bias"),
]


def scopes(tensor):
    """(operation, module path) of every node below a tensor, oldest first."""
    seen, stack = set(), [tensor.grad_fn]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += [edge[0] for edge in node.edges if isinstance(edge, tuple)]
    return [(node.name, node.scope) for node in sorted(seen, key=lambda node: node.seq)]


# Parameter


def test_a_parameter_is_a_leaf_that_requires_a_gradient():
    p = nn.Parameter([[1.0, 2.0]])
    assert isinstance(p, tg.Tensor)
    assert (p.requires_grad, p.is_leaf, p.dtype, p.shape) == (True, True, np.float32, (1, 2))
    assert not nn.Parameter([1.0], requires_grad=False).requires_grad
    assert repr(p) == "Parameter containing:\ntensor([[1., 2.]], requires_grad=True)"


def test_what_is_computed_from_a_parameter_is_a_plain_tensor():
    p = nn.Parameter([1.0])
    assert type(p * 2) is tg.Tensor
    assert type(p.detach()) is tg.Tensor
    q = nn.Parameter(p * 2)
    assert q.is_leaf
    assert q.item() == 2


def test_a_parameter_copies_its_data():
    array = np.ones(2, np.float32)
    p = nn.Parameter(array)
    array[0] = 5
    assert p.tolist() == [1, 1]


def test_copies_and_pickles_of_a_parameter_are_parameters():
    p = nn.Parameter([1.0, 2.0], requires_grad=False)
    p.requires_grad_()
    (p * p).sum().backward()
    for twin in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(twin) is nn.Parameter
        assert twin.tolist() == [1, 2]
        assert twin.grad.tolist() == [2, 4]
        twin.data[0] = 7
        assert p.tolist() == [1, 2]


def test_integers_cannot_be_learned():
    with pytest.raises(tg.GradientError, match="only floats have gradients, the tensor has dtype int64"):
        nn.Parameter([1, 2])


# What is inside


def test_state_dict_has_pytorchs_keys_in_pytorchs_order():
    assert list(Net().state_dict()) == KEYS


def test_parameters_and_buffers_by_name():
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == [key for key in KEYS if "offset" not in key]
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["gain"]
    assert next(net.named_parameters(prefix="net"))[0] == "net.gain"
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]
    buffers = ["first.offset", "first.scratch", "rest.1.offset", "rest.1.scratch"]
    assert [name for name, _ in net.named_buffers()] == buffers
    assert len(list(net.buffers())) == 4


def test_modules_and_children_by_name():
    net = Net()
    assert [name for name, _ in net.named_modules()] == [
        "",
        "first",
        "first.fc",
        "rest",
        "rest.0",
        "rest.1",
        "rest.1.fc",
    ]
    assert [name for name, _ in net.named_children()] == ["first", "rest"]
    assert list(net.children()) == [net.first, net.rest]
    assert next(iter(net.modules())) is net
    assert net.get_submodule("rest.1.fc") is net.rest[1].fc
    assert net.get_submodule("") is net
    with pytest.raises(AttributeError, match=r"get_submodule: Net has no module 'rest\.7'"):
        net.get_submodule("rest.7")


def test_parameters_and_buffers_are_found_by_name():
    net = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1, bias=False)))
    for name, parameter in net.named_parameters():
        assert net.get_parameter(name) is parameter
    for name, buffer in net.named_buffers():
        assert net.get_buffer(name) is buffer
    assert net[0].get_parameter("bias") is net[0].bias
    for name in ("1.0.running_mean", "1.1.bias", "0", "", "1.0.training"):
        with pytest.raises(AttributeError, match=f"get_parameter: Sequential has no parameter '{re.escape(name)}'"):
            net.get_parameter(name)
    for name in ("0.weight", "1.0", "", "1.0.eps"):
        with pytest.raises(AttributeError, match=f"get_buffer: Sequential has no buffer '{re.escape(name)}'"):
            net.get_buffer(name)
    with pytest.raises(AttributeError, match="get_submodule: Sequential has no module '7'"):
        net.get_parameter("7.weight")


def test_shared_parts_come_once():
    block = Block()
    net = nn.Sequential(block, nn.ReLU(), block)
    net[1].weight = block.fc.weight
    names = ["0.scale", "0.fc.weight", "0.fc.bias"]
    assert [name for name, _ in net.named_parameters()] == names
    assert [name for name, _ in net.named_modules()] == ["", "0", "0.fc", "1"]
    assert list(net.children()) == [block, net[1]]
    assert len(list(net)) == 3
    assert "1.weight" in net.state_dict()
    assert "2.fc.bias" in net.state_dict()


def test_attributes_may_be_reassigned_and_deleted():
    net = Net()
    net.gain = None
    assert "gain" not in net.state_dict()
    net.gain = nn.Parameter([1.0])
    assert "gain" in net.state_dict()
    del net.first.offset
    assert "first.offset" not in net.state_dict()
    net.first.offset = tg.zeros(3)
    assert "first.offset" in net.state_dict()


@pytest.mark.parametrize(
    "change, error, text",
    [
        (lambda net: setattr(net, "gain", net.gain * 2), tg.DTypeError, "Net.gain: holds a Parameter, and cannot be"),
        (lambda net: setattr(net, "rest", lambda x: x), tg.DTypeError, "Net.rest: holds a Module, and cannot be"),
        (
            lambda net: setattr(net.first, "offset", 3),
            tg.DTypeError,
            "Block.offset: is a buffer, and cannot be assigned",
        ),
        (
            lambda net: setattr(net, "train", nn.ReLU()),
            tg.ShapeError,
            "Net.train: every module has a 'train' of its own",
        ),
        (lambda net: net.add_module("a.b", nn.ReLU()), tg.ShapeError, "may not be empty or hold a dot, got 'a.b'"),
        (lambda net: net.add_module(1, nn.ReLU()), tg.DTypeError, "must be a string, got 1"),
        (lambda net: net.add_module("fc", 3), tg.DTypeError, "add_module: 'fc' is a int, expected a Module or None"),
        (lambda net: net.register_buffer("fc", 3), tg.DTypeError, "register_buffer: 'fc' is a int, expected a Tensor"),
        (
            lambda net: net.register_buffer("training", tg.ones(1)),
            tg.ShapeError,
            "cannot be named 'training', which is",
        ),
        (lambda net: net.register_parameter("x", tg.ones(1)), tg.DTypeError, "'x' is a Tensor, expected a Parameter"),
        (lambda net: net.train("yes"), tg.DTypeError, "train: mode must be a bool, got str"),
    ],
)
def test_wrong_assignments_are_refused(change, error, text):
    net = Net()
    with pytest.raises(error, match=re.escape(text)):
        change(net)
    assert list(net.state_dict()) == KEYS


def test_an_init_that_forgets_super_does_no_harm():
    class Careless(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x)

    net = Careless()
    net.register_forward_hook(lambda module, args, output: output * 0)
    assert net.eval()(tg.ones(1, 2)).tolist() == [[0, 0]]
    assert len(list(net.parameters())) == 2


def test_apply_visits_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda module: seen.append(type(module).__name__)) is net
    assert seen == ["Linear", "Block", "ReLU", "Linear", "Block", "Sequential", "Net"]


def test_modes_and_freezing_reach_everything():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert net.train().rest[1].fc.training
    assert net.requires_grad_(False) is net
    assert not any(p.requires_grad for p in net.parameters())


def test_gradients_are_dropped_or_zeroed():
    net = Net()
    net(tg.ones(2, 3)).sum().backward()
    kept = net.gain.grad
    net.zero_grad(set_to_none=False)
    assert net.gain.grad is kept
    assert all((p.grad.data == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_a_gradient_with_a_graph_is_zeroed_too():
    net = nn.Linear(2, 1)
    net.weight.grad = (net.weight * net.weight).reshape(1, 2)
    net.zero_grad(set_to_none=False)
    assert net.weight.grad.tolist() == [[0, 0]]


def test_the_repr_is_pytorchs():
    assert repr(Net()) == (
        "Net(\n"
        "  (first): Block(\n"
        "    (fc): Linear(in_features=3, out_features=3, bias=True)\n"
        "  )\n"
        "  (rest): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Block(\n"
        "      (fc): Linear(in_features=3, out_features=3, bias=True)\n"
        "    )\n"
        "  )\n"
        ")"
    )


# State


def test_state_is_carried_over():
    tg.manual_seed(0)
    net, other = Net(), Net()
    with tg.no_grad():
        net.first.offset.fill_(4)
    result = other.load_state_dict(net.state_dict())
    assert repr(result) == "<All keys matched successfully>"
    assert other.first.offset.tolist() == [4, 4, 4]
    x = tg.randn(2, 3)
    assert other(x).tolist() == net(x).tolist()
    assert other.first.scale.data is not net.first.scale.data
    other.load_state_dict({name: tensor.numpy() for name, tensor in net.state_dict().items()})


def test_the_state_shares_memory_and_version():
    net = nn.Linear(2, 2)
    state = net.state_dict()
    assert np.shares_memory(state["weight"].data, net.weight.data)
    assert not state["weight"].requires_grad
    loss = (net(tg.ones(1, 2)) * net.weight).sum()
    with tg.no_grad():
        state["weight"].zero_()
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_a_prefix_goes_before_every_name():
    assert list(nn.Linear(1, 1).state_dict(prefix="a.")) == ["a.weight", "a.bias"]


def test_everything_is_checked_before_the_first_copy_and_reported_at_once():
    net = Net()
    before = {name: tensor.data.copy() for name, tensor in net.state_dict().items()}
    state = {name: array + 1 for name, array in before.items()}
    state["gain"] = np.float64(3)
    state["first.scale"] = np.ones(4, np.float32)
    del state["first.fc.bias"]
    state["head.weight"] = np.ones(1)
    with pytest.raises(nn.StateError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Net.load_state_dict: the state does not fit:\n"
        "  missing: first.fc.bias\n"
        "  unexpected: head.weight\n"
        "  gain: has dtype float64, the module takes float32\n"
        "  first.scale: has shape (4,), the module takes (3,)"
    )
    assert isinstance(caught.value, RuntimeError)
    for name, tensor in net.state_dict().items():
        np.testing.assert_array_equal(tensor.data, before[name])


def test_names_may_differ_if_not_strict_but_shapes_may_not():
    net = Net()
    result = net.load_state_dict({"gain": np.float32(5), "head": np.ones(1)}, strict=False)
    assert result.missing_keys == KEYS[1:]
    assert result.unexpected_keys == ["head"]
    assert net.gain.item() == 5
    assert "unexpected_keys=['head']" in repr(result)
    with pytest.raises(nn.StateError, match=r"gain: has shape \(2,\), the module takes \(\)"):
        net.load_state_dict({"gain": np.ones(2, np.float32)}, strict=False)


def test_a_cast_may_not_lose_digits():
    net = nn.Linear(2, 1, bias=False)
    net.load_state_dict({"weight": np.array([[1, 2]], np.float16)})
    assert net.weight.dtype == np.float32
    with pytest.raises(nn.StateError, match="weight: has dtype int64, the module takes float32"):
        net.load_state_dict({"weight": np.array([[1, 2]])})


def test_long_reports_are_cut():
    net = nn.Sequential(*[nn.Linear(1, 1) for _ in range(30)])
    with pytest.raises(nn.StateError, match=r"missing: 0\.weight, .* and 40 more"):
        net.load_state_dict({})
    with pytest.raises(nn.StateError, match="and 10 more that differ in shape or dtype"):
        net.load_state_dict({f"{i}.weight": np.ones(3) for i in range(30)}, strict=False)


def test_loading_is_noticed_by_graphs():
    net = nn.Linear(2, 2)
    loss = (net(tg.ones(1, 2)) * net.weight).sum()
    net.load_state_dict(net.state_dict())
    with pytest.raises(tg.GradientError, match="changed in place"):
        loss.backward()


def test_copies_and_pickles_keep_shared_parts_shared():
    net = Net()
    net.rest[1].fc.weight = net.first.fc.weight
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.rest[1].fc.weight is twin.first.fc.weight
        assert twin.first.fc.weight is not net.first.fc.weight
        assert list(twin.state_dict()) == KEYS
        assert [name for name, _ in twin.named_buffers()] == [name for name, _ in net.named_buffers()]
        assert twin(tg.ones(1, 3)).tolist() == net(tg.ones(1, 3)).tolist()


# Calls


def test_arrays_become_tensors_and_share_memory():
    seen = {}

    class Look(nn.Module):
        def forward(self, x, *, scale):
            seen.update(x=x, scale=scale)
            return x

    array = np.ones(2)
    assert isinstance(Look()(array, scale=np.ones(1)), tg.Tensor)
    assert np.shares_memory(seen["x"].data, array)
    assert isinstance(seen["scale"], tg.Tensor)


def test_a_module_without_forward_says_so():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty: has no forward method"):
        Empty()(1)


def test_operations_carry_the_path_of_their_module():
    net = Net()
    assert scopes(net(tg.ones(1, 3))) == [
        ("linear", "first.fc"),
        ("mul", "first"),
        ("add", "first"),
        ("relu", "rest.0"),
        ("linear", "rest.1.fc"),
        ("mul", "rest.1"),
        ("add", "rest.1"),
        ("mul", ""),
    ]
    assert scopes(net.first(tg.ones(1, 3))) == [("linear", "fc"), ("mul", ""), ("add", "")]


def test_a_module_that_is_no_attribute_counts_as_part_of_its_caller():
    hidden = [nn.Linear(3, 3)]

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def forward(self, x):
            return self.inner(x)

    class Inner(nn.Module):
        def forward(self, x):
            return hidden[0](x)

    assert scopes(Outer()(tg.ones(1, 3))) == [("linear", "inner")]


def test_names_follow_every_change_of_what_is_inside():
    def names(net):
        return [scope for name, scope in scopes(net(tg.ones(1, 1))) if name == "linear"]

    net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    outer = nn.Sequential(net)
    assert (names(net), names(outer)) == (["0"], ["0.0"])
    net.append(nn.Linear(1, 1))
    assert (names(net), names(outer)) == (["0", "2"], ["0.0", "0.2"])
    net.add_module("1", nn.Linear(1, 1))
    assert names(outer) == ["0.0", "0.1", "0.2"]
    delattr(net, "0")
    assert (names(net), names(outer)) == (["1", "2"], ["0.1", "0.2"])
    assert names(copy.deepcopy(net)) == ["1", "2"]
    with left_as_it_was(net):
        net.add_module("last", nn.Linear(1, 1))
        assert names(net) == ["1", "2", "last"]
        last = net.last
    net.register_forward_hook(lambda module, args, output: last(output))
    assert names(net) == ["1", "2", ""]


def test_names_are_kept_of_some_modules_only_and_keep_none_alive(monkeypatch):
    monkeypatch.setattr(nn_names, "_kept", {})
    net = nn.Linear(1, 1)
    seen = weakref.ref(net)
    net(tg.ones(1, 1))
    del net
    assert seen() is None
    for _ in range(2 * nn_names.MOST):
        kept = nn.Sequential(nn.Linear(1, 1))
        assert scopes(kept(tg.ones(1, 1))) == [("linear", "0")]
        assert len(nn_names._kept) <= nn_names.MOST


def test_the_users_scope_stays_around_the_outermost_module():
    with tg.named_scope("teacher"):
        assert scopes(nn.Linear(1, 1)(tg.ones(1, 1))) == [("linear", "teacher")]


def test_paths_are_right_again_after_an_error_and_in_threads():
    net = Net()
    with pytest.raises(tg.ShapeError):
        net(tg.ones(1, 4))
    expected = scopes(net(tg.ones(1, 3)))
    assert expected[0] == ("linear", "first.fc")
    found = []

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            thread = threading.Thread(target=lambda: found.append(scopes(net(x))))
            thread.start()
            thread.join()
            return x

    Outer()(tg.ones(1, 3))
    assert found == [expected]


def test_an_error_names_the_innermost_module():
    with pytest.raises(tg.ShapeError) as caught:
        Net()(tg.ones(1, 4))
    assert caught.value.__notes__ == ["in module first.fc, Linear(in_features=3, out_features=3, bias=True)"]
    with pytest.raises(tg.ShapeError) as caught:
        nn.Flatten(5)(tg.ones(1, 4))
    assert caught.value.__notes__ == ["in Flatten(start_dim=5, end_dim=-1)"]


def test_recorded_lines_are_the_users():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    out = net(tg.ones(1, 3))
    file, line = out.grad_fn.line()
    assert Path(file).name == HERE
    assert "out = net(" in Path(file).read_text().splitlines()[line - 1]


# Hooks


def test_hooks_see_and_change_what_goes_through():
    net = nn.Linear(1, 1, bias=False)
    nn.init.ones_(net.weight)
    seen = []
    first = net.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
    second = net.register_forward_pre_hook(lambda module, args: args[0] + 1)
    third = net.register_forward_hook(lambda module, args, output: seen.append((module, args[0].item(), output.item())))
    fourth = net.register_forward_hook(lambda module, args, output: output * 10)
    x = tg.ones(1, 1)
    assert net(x).item() == 30
    assert seen == [(net, 3, 3)]
    first.remove()
    assert net(x).item() == 20
    fourth.remove()
    fourth.remove()
    with third:
        assert net(x).item() == 2
    second.remove()
    assert net(x).item() == 1
    assert len(seen) == 3


def test_a_hook_may_remove_itself():
    net = nn.Identity()
    seen = []

    def hook(module, args, output):
        seen.append(output)
        handle.remove()

    handle = net.register_forward_hook(hook)
    net.register_forward_hook(lambda module, args, output: seen.append("second"))
    net(1)
    net(2)
    assert seen == [1, "second", "second"]


class Scaled(nn.Module):
    def forward(self, x, factor=1):
        if factor == 0:
            raise tg.ShapeError("Scaled: factor is 0")
        return x * factor


def test_a_hook_may_come_first():
    net, seen = Scaled(), []
    for name, prepend in (("a", False), ("b", True), ("c", False), ("d", True)):
        net.register_forward_pre_hook(lambda *args, name=name: seen.append(f"pre {name}"), prepend=prepend)
        net.register_forward_hook(lambda *args, name=name: seen.append(name), prepend=prepend)
    net(tg.ones(1))
    assert seen == ["pre d", "pre b", "pre a", "pre c", "d", "b", "a", "c"]


def test_hooks_see_and_change_keyword_arguments():
    net, seen = Scaled(), []
    first = net.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"factor": kwargs["factor"] + 1}), with_kwargs=True
    )
    net.register_forward_hook(lambda *given: seen.append(given[1:3]), with_kwargs=True)
    net.register_forward_hook(lambda module, args, kwargs, output: output + kwargs["factor"], with_kwargs=True)
    x = tg.ones(1)
    assert net(x, factor=2).item() == 6
    assert seen == [((x,), {"factor": 3})]
    first.remove()
    net.register_forward_pre_hook(lambda module, args, kwargs: (args[0] * 5, kwargs), with_kwargs=True)
    net.register_forward_pre_hook(lambda module, args, kwargs: None, with_kwargs=True)
    assert net(x, factor=2).item() == 12
    assert copy.deepcopy(net)(x, factor=2).item() == 12
    net.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(tg.DTypeError, match=r"Scaled: a forward pre-hook with kwargs must return None or \(args, kw"):
        net(x, factor=2)


def test_hooks_that_are_called_always_are_called_when_there_is_an_error():
    net, seen = Scaled(), []
    net.register_forward_hook(lambda *given: seen.append("not when forward fails"))
    net.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    net.register_forward_hook(lambda *given: seen.append(given[1:]), always_call=True, with_kwargs=True)
    x = tg.ones(1)
    with pytest.raises(tg.ShapeError, match="Scaled: factor is 0"):
        net(x, factor=0)
    assert seen == [None, ((x,), {"factor": 0}, None)]
    seen.clear()
    net(x)
    assert len(seen) == 3
    seen.clear()

    def fail(*given):
        raise ValueError("in a hook")

    failing = net.register_forward_hook(fail, prepend=True)
    with pytest.raises(ValueError, match="in a hook"):
        net(x)
    assert [type(item) for item in seen] == [tg.Tensor, tuple]
    failing.remove()
    net.register_forward_hook(fail, always_call=True)
    with pytest.raises(tg.ShapeError, match="Scaled: factor is 0") as error:
        net(x, factor=0)
    assert "raised ValueError('in a hook')" in error.value.__notes__[-1]


def test_hooks_that_are_called_always_are_called_once_when_a_later_one_fails():
    net, seen = Scaled(), []

    def fail(*given):
        seen.append("fails")
        raise ValueError("in a hook")

    net.register_forward_hook(lambda *given: seen.append("always"), always_call=True)
    net.register_forward_hook(fail, always_call=True)
    net.register_forward_hook(lambda *given: seen.append("after"), always_call=True)
    with pytest.raises(ValueError, match="in a hook"):
        net(tg.ones(1))
    assert seen == ["always", "fails", "after"]


def test_of_hooks_that_are_removed_nothing_is_left():
    net = nn.ReLU()
    kept = net.register_forward_hook(lambda *given: None, with_kwargs=True, always_call=True)
    before = copy.deepcopy(vars(net))
    for _ in range(3):
        net.register_forward_hook(lambda *given: None, with_kwargs=True, always_call=True).remove()
        net.register_forward_pre_hook(lambda *given: None, with_kwargs=True).remove()
    assert {name: value for name, value in vars(net).items() if value} == {k: v for k, v in before.items() if v}
    kept.remove()
    assert not net._hooks_with_kwargs
    assert not net._hooks_always


@pytest.mark.parametrize("factor", [1, 0])
def test_hooks_that_are_removed_during_a_call_are_still_called_as_they_were_registered(factor):
    net, seen, handles = Scaled(), [], []

    def remove(*given):
        for handle in handles:
            handle.remove()

    net.register_forward_pre_hook(lambda *given: handles[0].remove())
    handles.append(net.register_forward_pre_hook(lambda module, args, kwargs: seen.append(kwargs), with_kwargs=True))
    net.register_forward_hook(remove, always_call=True)
    for _ in range(2):
        handles.append(
            net.register_forward_hook(
                lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True, always_call=True
            )
        )
    x = tg.ones(1)
    if factor:
        net(x, factor=factor)
    else:
        with pytest.raises(tg.ShapeError, match="Scaled: factor is 0") as error:
            net(x, factor=factor)
        assert len(error.value.__notes__) == 1
    assert seen == [{"factor": factor}] * 3
    if factor:
        net(x, factor=factor)
    assert len(seen) == 3


@pytest.mark.parity
def test_the_order_and_arguments_of_hooks_are_pytorchs():
    torch = pytest.importorskip("torch")
    found = []
    for lib in (nn, torch.nn):
        seen = []

        class Net(lib.Module):
            def forward(self, x, times=1):
                return x * times if times else [][0]

        net = Net()
        for name, prepend in (("a", False), ("b", True), ("c", False)):
            net.register_forward_pre_hook(
                lambda m, a, k, name=name, seen=seen: seen.append((name, a, k)), with_kwargs=True, prepend=prepend
            )
            net.register_forward_hook(
                lambda m, a, k, o, name=name, seen=seen: seen.append((name, a, k, o)),
                with_kwargs=True, prepend=prepend, always_call=name != "a",
            )  # fmt: skip
        net(3, times=2)
        with pytest.raises(IndexError):
            net(3, times=0)
        found.append(seen)
    assert found[0] == found[1]
    tally.count("hooks")


def test_hooks_belong_to_one_module():
    one, two = nn.ReLU(), nn.ReLU()
    one.register_forward_hook(lambda module, args, output: output + 1)
    assert two(tg.ones(1)).item() == 1
    assert copy.deepcopy(one)(tg.ones(1)).item() == 2


# Containers


def test_sequential_is_a_list_of_modules():
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(net) == 3
    assert net[-1] is net[2]
    assert [type(m).__name__ for m in net[:2]] == ["Linear", "ReLU"]
    assert net[1:][1] is net[2]
    net[1] = nn.Tanh()
    assert isinstance(net[1], nn.Tanh)
    assert [name for name, _ in net.named_children()] == ["0", "1", "2"]
    assert len(net.append(nn.ReLU()).extend([nn.ReLU(), nn.ReLU()])) == 6
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    x = tg.ones(4, 2)
    assert net[:1](x).shape == (4, 3)
    with pytest.raises(IndexError, match="Sequential: there is no module 6, it holds 6"):
        net[6]
    with pytest.raises(tg.DTypeError, match="Sequential: argument 1 is a list, expected a Module"):
        nn.Sequential(nn.ReLU(), [nn.ReLU()])
    assert nn.Sequential()(3) == 3


def test_sequential_takes_names():
    net = nn.Sequential({"conv": nn.Conv2d(1, 2, 3), "act": nn.ReLU()})
    assert list(net.state_dict()) == ["conv.weight", "conv.bias"]
    assert net.conv is net[0]
    assert [name for name, _ in net[1:].named_children()] == ["act"]


def test_lists_and_dicts_of_modules():
    items = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
    items.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in items] == ["Linear", "Tanh", "ReLU"]
    assert len(items[1:]) == 2
    table = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    assert (list(table), len(table), "a" in table, "c" in table) == (["a", "b"], 2, True, False)
    table["c"] = nn.Tanh()
    del table["b"]
    assert table.keys() == ["a", "c"]
    assert [type(m).__name__ for m in table.values()] == ["Linear", "Tanh"]
    assert table["a"] is table.items()[0][1]
    assert list(table.state_dict()) == ["a.weight", "a.bias"]
    with pytest.raises(KeyError, match="b"):
        del table["b"]
    with pytest.raises(tg.ShapeError, match="cannot be named 'keys', which is an attribute already"):
        table["keys"] = nn.ReLU()


def test_equal_neighbours_in_a_list_are_printed_once():
    items = nn.ModuleList([nn.ReLU()] * 3 + [nn.Sequential(nn.Tanh())] * 2 + [nn.ReLU()])
    inside = "Sequential(\n    (0): Tanh()\n  )"
    assert repr(items) == f"ModuleList(\n  (0-2): 3 x ReLU()\n  (3-4): 2 x {inside}\n  (5): ReLU()\n)"
    assert repr(nn.ModuleList()) == "ModuleList()"


@pytest.mark.parity
def test_lists_are_printed_as_pytorchs():
    torch = pytest.importorskip("torch")
    texts = []
    for lib in (nn, torch.nn):
        lists = ([], [lib.ReLU()], [lib.ReLU()] * 2 + [lib.Sequential(lib.Tanh())] * 3)
        texts.append([repr(lib.Sequential(lib.ModuleList(modules))) for modules in lists])
    assert texts[0] == texts[1]
    tally.count("texts")


# Imports

SPELLINGS = [
    "from tensorgrad import nn",
    "import nn",
    "import tensorgrad as tg; nn = tg.nn",
    "import tensorgrad.nn as nn",
    "from tensorgrad.nn import functional as F; import nn; assert F is nn.functional",
    "import nn.functional as F; import nn; assert F is nn.functional",
    "from tensorgrad.nn import *; from tensorgrad import nn; assert Linear is nn.Linear",
    "import tensorgrad.nn; from tensorgrad import nn; import tensorgrad as tg; assert tg.nn is tensorgrad.nn",
]
AFTER = """
import pickle, sys
import nn as plain, tensorgrad, tensorgrad.nn
for name in plain.__all__:
    assert getattr(nn, name) is getattr(plain, name) is getattr(tensorgrad.nn, name), name
assert plain.__all__ == tensorgrad.nn.__all__
assert tensorgrad.nn.Linear.__module__ == 'nn.linear'
assert type(pickle.loads(pickle.dumps(tensorgrad.nn.Linear(1, 1)))) is plain.Linear
"""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_gives_the_same_classes(spelling):
    root = Path(nn.__file__).parent.parent
    run = subprocess.run([sys.executable, "-c", f"{spelling}\n{AFTER}"], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_engine_does_not_import_nn():
    code = "import sys, tensorgrad; assert 'nn' not in sys.modules; assert not hasattr(tensorgrad, 'no_such_name')"
    root = Path(nn.__file__).parent.parent
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_every_name_is_there():
    assert all(hasattr(nn, name) for name in nn.__all__)
    assert all(hasattr(nn.functional, name) for name in nn.functional.__all__)
    assert sorted(nn.functional.__all__) == nn.functional.__all__


# Backward hooks


def test_a_backward_hook_sees_and_changes_gradients():
    net = nn.Linear(2, 3)
    seen = []
    handle = net.register_full_backward_hook(lambda module, gi, go: seen.append((module, gi, go)) or (gi[0] * 2,))
    x = tg.ones(1, 2, requires_grad=True)
    (net(x) * tg.tensor([1.0, 2.0, 3.0])).sum().backward()
    ((module, grad_input, grad_output),) = seen
    assert module is net
    assert grad_output[0].tolist() == [[1, 2, 3]]
    expected = np.array([[1, 2, 3]]) @ net.weight.data
    np.testing.assert_allclose(grad_input[0].data, expected, rtol=1e-6)
    np.testing.assert_allclose(x.grad.data, 2 * expected, rtol=1e-6)
    assert net.weight.grad.tolist() == [[1, 1], [2, 2], [3, 3]]
    handle.remove()
    net(x).sum().backward()
    assert len(seen) == 1
    with net.register_full_backward_hook(lambda *args: seen.append("again")), tg.no_grad():
        net(x)
    assert len(seen) == 1


def test_a_backward_hook_sees_only_what_its_module_contributes():
    net = nn.Sequential(nn.Linear(2, 2), nn.Identity())
    seen = []
    net[0].register_full_backward_hook(lambda module, gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    x = tg.ones(1, 2, requires_grad=True)
    y = net(x)
    (y.sum() * 3 + y.sum() + (x * 100).sum()).backward()
    assert seen[0][1] == [[4, 4]]
    assert np.abs(seen[0][0]).max() < 50
    net[1].register_full_backward_hook(lambda module, gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    net(x).sum().backward()
    assert seen[1] == ([[1, 1]], [[1, 1]])


class Pair(nn.Module):
    def forward(self, a, b, n):
        return a * b, (a + b) * n, 7


def test_backward_hooks_with_several_inputs_and_outputs():
    net, seen = Pair(), []
    net.register_full_backward_pre_hook(lambda module, go: (go[0], None if go[1] is None else go[1] * 10, None))
    net.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go)))
    a, b = tg.tensor([2.0], requires_grad=True), tg.tensor([3.0], requires_grad=True)
    product, total, seven = net(a, b, 2)
    assert seven == 7
    (product + total).backward()
    gi, go = seen.pop()
    assert [g and g.tolist() for g in gi] == [[3 + 20], [2 + 20], None]
    assert [g and g.tolist() for g in go] == [[1], [10], None]
    net(a.detach(), b, 2)[0].backward()
    gi, go = seen.pop()
    assert [g and g.tolist() for g in gi] == [None, [2], None]
    assert go[1] is None


def test_backward_hooks_without_gradients_of_inputs():
    net, seen = nn.Linear(2, 1), []
    net.register_full_backward_hook(lambda module, gi, go: seen.append((gi, go[0].tolist())))
    net(tg.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1]])]
    assert net.weight.grad.tolist() == [[1, 1]]


def test_backward_hooks_run_in_derivatives_of_gradients():
    net, seen = nn.Tanh(), []
    net.register_full_backward_hook(lambda module, gi, go: seen.append(gi[0].requires_grad))
    x = tg.tensor([0.5], requires_grad=True)
    (first,) = tg.grad(net(x).sum(), x, create_graph=True)
    first.backward()
    t = math.tanh(0.5)
    assert x.grad.item() == pytest.approx(-2 * t * (1 - t * t), rel=1e-5)
    assert seen[0]


def test_a_backward_hook_with_the_wrong_number_of_gradients():
    net = nn.Linear(2, 1)
    net.register_full_backward_hook(lambda *args: (1, 2))
    with pytest.raises(tg.GradientError, match="backward hook: returned 2 gradients, the module has 1"):
        net(tg.ones(1, 2, requires_grad=True)).sum().backward()


def test_writes_into_what_passed_a_backward_hook_are_noticed():
    net = nn.Tanh()
    net.register_full_backward_hook(lambda *args: None)
    x = tg.tensor([0.5], requires_grad=True)
    y = net(x * 1)
    with tg.no_grad():
        y.mul_(2)
    with pytest.raises(tg.GradientError, match="changed in place"):
        y.sum().backward()


@pytest.mark.parity
def test_backward_hooks_are_pytorchs():
    torch = pytest.importorskip("torch")
    found = []
    for library, module, tensor in ((torch, torch.nn, torch.tensor), (tg, nn, tg.tensor)):
        net, seen = module.Sequential(module.Linear(2, 2), module.Tanh(), module.Linear(2, 1)), []
        with library.no_grad():
            for p in net.parameters():
                p.fill_(0.3)
        for layer in net:
            layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 2,))
            layer.register_full_backward_hook(lambda m, gi, go, seen=seen: seen.append((type(m).__name__, gi, go)))
        x = tensor([[1.0, 2.0]], requires_grad=True)
        net(x).sum().backward()
        found.append([(name, gi[0].tolist(), go[0].tolist()) for name, gi, go in seen] + [x.grad.tolist()])
    assert str(found[0])[:20] == str(found[1])[:20]
    for ours, theirs in zip(found[1][:3], found[0][:3], strict=True):
        assert ours[0] == theirs[0]
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)
        np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6)
    np.testing.assert_allclose(found[1][3], found[0][3], rtol=1e-6)
    tally.count("gradients")


# Casts


def test_a_cast_module_keeps_its_parameters():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    opt = nn.optim.SGD(net.parameters(), lr=0.1)
    net(tg.randn(4, 2)).sum().backward()
    before = list(net.parameters())
    assert net.double() is net
    assert [id(p) for p in net.parameters()] == [id(p) for p in before]
    assert {t.dtype for t in [*net.parameters(), *(p.grad for p in before)]} == {np.dtype(np.float64)}
    assert net[1].running_mean.dtype == np.float64
    assert net[1].num_batches_tracked.dtype == np.int64
    opt.zero_grad()
    net(tg.randn(4, 2, dtype=np.float64)).sum().backward()
    opt.step()
    assert net.half()[0].weight.dtype == np.float16
    assert net.float()[0].weight.dtype == np.float32
    assert net.to(np.float64)[0].weight.dtype == np.float64
    assert list(net.state_dict()) == [
        *("0.weight", "0.bias", "1.weight", "1.bias"),
        *(f"1.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")),
    ]
    with pytest.raises(tg.DTypeError, match=r"Linear\.to: parameters are floats, dtype int64 is none"):
        net[0].to(np.int64)


def test_a_cast_is_noticed_by_graphs():
    net = nn.Linear(2, 1)
    out = net(tg.ones(1, 2, requires_grad=True)).sum()
    net.double()
    with pytest.raises(tg.GradientError, match="changed in place"):
        out.backward()


# Without values


def test_a_huge_layer_is_counted_not_allocated():
    tracemalloc.start()
    with nn.meta():
        net = nn.Linear(224 * 224 * 3, 224 * 224 * 3 // 2)
    count = sum(p.numel() for p in net.parameters())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 150_528 * 75_264 + 75_264 == 11_329_414_656
    assert peak < 1e6
    nn.init.xavier_normal_(net.weight)
    assert nn.Linear(2, 2).weight.data.flags.writeable


def test_a_module_without_values_takes_them_from_a_state():
    def make():
        return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(2, 3))

    net = make()
    with nn.meta():
        twin = make()
    parameters = list(twin.parameters())
    twin.load_state_dict(net.state_dict())
    x = tg.randn(2, 1, 4, 4)
    np.testing.assert_array_equal(twin(x).data, net(x).data)
    assert list(map(id, twin.parameters())) == list(map(id, parameters))
    assert all(p.data.flags.writeable for p in twin.parameters())
    assert not np.shares_memory(twin[0].weight.data, net[0].weight.data)
    with nn.meta():
        third = make().double()
    assert third[0].weight.dtype == np.float64
    third.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(third[0].weight.data, net[0].weight.data)
