"""Graphviz programs that report success and wrote no picture."""

import os

import pytest

from tensorgrad import viz
from tensorgrad.viz import render

from .graphs import scalar

posix = pytest.mark.skipif(os.name == "nt", reason="the fake program is a shell script")


def fake_dot(folder, monkeypatch, prints=""):
    """A program `dot` on the PATH that prints a text and exits with 0."""
    program = folder / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s' '{prints}'\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


@posix
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
@pytest.mark.parametrize(
    "prints, got", [("", "nothing"), ("no picture", "10 bytes that are no"), ("<html></html>", "13 bytes that are no")]
)
def test_what_is_no_picture_is_an_error_and_the_old_file_stays(form, prints, got, tmp_path, monkeypatch):
    fake_dot(tmp_path, monkeypatch, prints)
    monkeypatch.setitem(render._FOUND, "pygraphviz", lambda: False)
    path = tmp_path / f"x.{form}"
    path.write_bytes(b"old")
    with pytest.raises(viz.DrawingError, match=f"dot failed: it reported success and wrote {got}"):
        scalar().save(path, engine="dot")
    assert path.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["bin", path.name]


@posix
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_the_next_engine_steps_in(form, tmp_path, monkeypatch):
    fake_dot(tmp_path, monkeypatch)
    drawn = render.BEGINNINGS[form] + b"<svg></svg>"
    monkeypatch.setitem(render._FOUND, "pygraphviz", lambda: True)
    monkeypatch.setitem(render._DRAW, "pygraphviz", lambda *args: drawn)
    assert render.draw(scalar().to_dot(), form) == drawn


@pytest.mark.skipif(not render._FOUND["dot"](), reason="no dot")
@pytest.mark.parametrize("form", ["svg", "png", "pdf"])
def test_real_pictures_pass(form):
    assert render.draw(scalar().to_dot(), form, "dot").startswith(render.BEGINNINGS[form])
