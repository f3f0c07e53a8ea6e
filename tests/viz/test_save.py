"""Where a picture cannot be written: one error that names the path as it was given, and no file."""

import math
import os
import shutil
import subprocess
import sys

import pytest

import tensorgrad as tg
from tensorgrad import viz
from tensorgrad.viz import render

from .graphs import scalar

SUFFIXES = (*render.DRAWN, *render.WRITTEN)
WAYS = [(suffix, None) for suffix in SUFFIXES]
WAYS += [(suffix, engine) for suffix in render.DRAWN for engine in render.GRAPHVIZ] + [(".svg", render.OURS)]


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    """Graphviz, wherever it is missing."""
    for name in render.GRAPHVIZ:
        monkeypatch.setitem(render._FOUND, name, lambda: True)
        monkeypatch.setitem(render._DRAW, name, lambda dot, form, timeout: render.BEGINNINGS[form] + b"<svg>")


def error_of(path, kind, engine=None):
    with pytest.raises(kind) as caught:
        scalar().save(path, engine=engine)
    assert caught.value.__cause__ is None
    assert ".tmp-" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("suffix, engine", WAYS)
def test_one_error_for_each_path(suffix, engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / f"folder{suffix}"
    folder.mkdir()
    long, nul, below = "n" * 300 + suffix, f"a\0b{suffix}", f"below/x{suffix}"
    for path, kind, message in (
        (long, OSError, f"save: {long!r} cannot be written: File name too long"),
        (nul, tg.ShapeError, f"save: {nul!r}: the name of a file cannot hold a NUL character"),
        (nul.encode(), ValueError, f"save: {nul!r}: the name of a file cannot hold a NUL character"),
        (3, tg.DTypeError, "save: path must be the name of a file, as a string or a Path, got 3"),
        (None, TypeError, "save: path must be the name of a file, as a string or a Path, got None"),
        ("", FileNotFoundError, "save: path must be the name of a file, got ''"),
        (folder, IsADirectoryError, f"save: {str(folder)!r} is a folder, expected the name of a file"),
        (f"x{suffix}/", IsADirectoryError, f"save: 'x{suffix}/' is a folder, expected the name of a file"),
        (".", IsADirectoryError, "save: '.' is a folder, expected the name of a file"),
        (below, FileNotFoundError, f"save: {below!r}: there is no folder {tmp_path / 'below'}"),
    ):
        if os.name != "nt" or path is not long:
            assert error_of(path, kind, engine) == message
    assert os.listdir(tmp_path) == [folder.name]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc")
@pytest.mark.parametrize("suffix, engine", WAYS)
def test_a_place_that_takes_no_files(suffix, engine):
    path = f"/proc/x{suffix}"
    kind = FileNotFoundError if os.geteuid() == 0 else OSError
    assert error_of(path, kind, engine).startswith(f"save: {path!r}")


def test_bytes_are_a_name_too(tmp_path):
    scalar().save(os.fsencode(tmp_path / "x.txt"))
    assert (tmp_path / "x.txt").read_text() == scalar().to_text()


def test_the_number_of_the_error_stays(tmp_path, monkeypatch):
    def fail(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match=r"save: '.*x\.dot' cannot be written: No space left on device") as caught:
        scalar().save(tmp_path / "x.dot")
    assert caught.value.errno == 28
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("suffix, engine", WAYS)
@pytest.mark.parametrize("value", ["x", math.nan, -1, 0, True, None, [1.0]])
def test_the_time_limit_is_a_number_of_seconds(suffix, engine, value, tmp_path):
    with pytest.raises(tg.TensorgradError) as caught:
        scalar().save(tmp_path / f"x{suffix}", engine=engine, timeout=value)
    assert str(caught.value) == f"save: timeout must be a number of seconds above 0, got {value!r}"
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(shutil.which("dot") is None, reason="no dot")
@pytest.mark.parametrize("value", [math.inf, 10**400])
def test_any_time_limit_may_be_long(value, tmp_path, monkeypatch):
    monkeypatch.undo()
    scalar().save(tmp_path / "x.svg", engine="dot", timeout=value)
    assert (tmp_path / "x.svg").exists()


@pytest.mark.parametrize("value", [3, ["dot"], "DOT", True])
def test_the_engine_is_one_of_three(value, tmp_path):
    with pytest.raises(viz.DrawingError, match="save: engine must be 'tensorgrad', 'dot' or 'pygraphviz', got"):
        scalar().save(tmp_path / "x.svg", engine=value)


def test_the_traceback_shows_no_temporary_file(tmp_path):
    code = "import tensorgrad as tg; tg.viz.graph(tg.tensor(1.0, requires_grad=True) * 2).save('/proc/x.svg')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode
    assert ".tmp-" not in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_what_is_no_regular_file_is_left_alone(tmp_path):
    path = tmp_path / "pipe.svg"
    os.mkfifo(path)
    assert error_of(path, OSError) == f"save: {str(path)!r} is not a regular file, so it cannot be replaced"
    assert path.is_fifo()
