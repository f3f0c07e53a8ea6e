"""A module's state in a file."""

import numpy as np
import pytest

import nn
import tensorgrad as tg


def make(seed, width=4):
    tg.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(width * 4, 2)
    )


def outputs(net):
    return net.eval()(np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)).tolist()


def test_a_module_comes_back_from_its_file(tmp_path):
    net, other = make(0), make(1)
    net(tg.randn(5, 1, 4, 4))
    assert outputs(net) != outputs(other)
    nn.save(net, tmp_path / "net.safetensors")
    result = nn.load(other, tmp_path / "net.safetensors")
    assert repr(result) == "<All keys matched successfully>"
    assert outputs(net) == outputs(other)
    assert other[1].num_batches_tracked.item() == 1
    assert sorted(nn.io.load_file(tmp_path / "net.safetensors")) == sorted(net.state_dict())


def test_a_file_of_another_model_is_refused_by_name_and_changes_nothing(tmp_path):
    net, path = make(0), tmp_path / "wide.safetensors"
    nn.save(make(1, width=5), path)
    before = outputs(net)
    with pytest.raises(nn.StateError) as caught:
        nn.load(net, path)
    assert str(caught.value).startswith(f"load: {path}: Sequential.load_state_dict: the state does not fit:\n")
    assert "\n  0.weight: has shape (5, 1, 3, 3), the module takes (4, 1, 3, 3)" in str(caught.value)
    assert outputs(net) == before


def test_parts_of_a_file_are_loaded_if_not_strict(tmp_path):
    net, path = make(0), tmp_path / "part.safetensors"
    nn.save({"0.weight": net[0].weight, "head": np.ones(1)}, path)
    result = nn.load(make(1), path, strict=False)
    assert result.unexpected_keys == ["head"]
    assert "0.bias" in result.missing_keys
    with pytest.raises(nn.StateError, match=r"part.safetensors: .*\n  missing: 0.bias, .*\n  unexpected: head"):
        nn.load(make(1), path)


def test_damaged_and_missing_files_change_nothing(tmp_path):
    net, path = make(0), tmp_path / "net.safetensors"
    nn.save(make(1), path)
    path.write_bytes(path.read_bytes()[:-7])
    before = outputs(net)
    with pytest.raises(tg.FileFormatError, match="cut short"):
        nn.load(net, path)
    with pytest.raises(nn.MissingFileError, match="there is no such file"):
        nn.load(net, tmp_path / "nothing.safetensors")
    with pytest.raises(tg.DTypeError, match=r"load: the first argument is a .*Path, expected a Module, then a path"):
        nn.load(path, net)
    assert outputs(net) == before


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "net.safetensors"
    nn.save(make(0), path)
    before = path.read_bytes()
    with pytest.raises(tg.DTypeError, match="'x' is a str"):
        nn.save({"x": "text"}, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["net.safetensors"]
