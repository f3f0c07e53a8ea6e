"""Pictures as files: our own SVG, or what Graphviz makes of the DOT text; onto the disk whole or not at all."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DTypeError, ShapeError
from ..files import atomic_write
from .arguments import DrawingError, real, said
from .compose import compose
from .dot import to_dot
from .options import Options, options_of
from .svg import to_svg

if TYPE_CHECKING:
    from .view import GraphView

DRAWN = (".svg", ".png", ".pdf")
WRITTEN = (".dot", ".json", ".txt")
OURS = "tensorgrad"  # the engine that is always there: it draws cards, strips and docked parameters, but SVG only
GRAPHVIZ = ("dot", "pygraphviz")  # in the order in which they are tried
BEGINNINGS = {"svg": b"<", "png": b"\x89PNG\r\n\x1a\n", "pdf": b"%PDF-"}
LONGEST = 1e6  # seconds; systems wait no longer than some weeks
FIXES = (
    "pip install pygraphviz (its wheels bring Graphviz along); apt-get install graphviz; brew install graphviz; "
    "conda install graphviz; winget install graphviz"
)

# pygraphviz runs Graphviz inside the process; in one of its own it can be stopped, and a crash takes nothing along.
PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""


def save(
    view: GraphView, path: str | os.PathLike[str], engine: str | None, timeout: float, given: dict[str, Any]
) -> None:
    """See `GraphView.save`."""
    named = _named(path)
    suffix = Path(named).suffix.lower()
    if suffix not in DRAWN + WRITTEN:
        raise DrawingError(
            f"save: {named!r}: the suffix says what to write: {', '.join(DRAWN + WRITTEN)}, got {suffix!r}"
        )
    _check_engine(suffix, engine)
    seconds = real("save", "timeout must be a number of seconds above 0", timeout)
    if seconds <= 0:
        raise ShapeError(f"save: timeout must be a number of seconds above 0, got {said(timeout)}")
    options = options_of("save", given)
    if given and suffix in (".json", ".txt"):
        raise DTypeError(
            f"save: a {suffix} file holds the whole graph, whatever its picture; leave out {', '.join(given)}"
        )
    with _naming(named):
        _check_place(named)
    if suffix in DRAWN:
        content = picture(view, suffix[1:], engine, min(seconds, LONGEST), options)
    elif suffix == ".dot":
        content = to_dot(compose(view, options, limit=None, caller="save")).encode()
    else:
        content = (view.to_json(indent=1) if suffix == ".json" else view.to_text()).encode()
    with _naming(named):
        atomic_write(named, content)


def _named(path: Any) -> str:
    """The name of a file as the user gave it, as text."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise DTypeError(f"save: path must be the name of a file, as a string or a Path, got {said(path)}")
    named = os.fsdecode(path)
    if not named:
        raise FileNotFoundError("save: path must be the name of a file, got ''")
    if "\0" in named:
        raise ShapeError(f"save: {named!r}: the name of a file cannot hold a NUL character")
    if named.endswith(os.sep) or os.path.isdir(named):
        raise IsADirectoryError(f"save: {named!r} is a folder, expected the name of a file")
    return named


def _check_place(named: str) -> None:
    """Raise what can be known before drawing: that the file cannot be written."""
    path = Path(os.path.realpath(named))
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save: {named!r}: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise OSError(f"save: {named!r} is not a regular file, so it cannot be replaced")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise PermissionError(f"save: {named!r}: no permission to write there")


@contextlib.contextmanager
def _naming(named: str) -> Iterator[None]:
    """Errors of the system say what could not be written; of the temporary file the user knows nothing."""
    try:
        yield
    except OSError as error:
        if str(error).startswith("save: "):
            raise
        reason = error.strerror or str(error)
        renamed = type(OSError(error.errno, reason)) if error.errno is not None else OSError  # Python finds the class
        told = renamed(f"save: {named!r} cannot be written: {reason}")
        told.errno = error.errno
        raise told from None


def _check_engine(suffix: str, engine: str | None) -> None:
    if engine is not None and not (isinstance(engine, str) and engine in (OURS, *GRAPHVIZ)):
        raise DrawingError(f"save: engine must be {OURS!r}, 'dot' or 'pygraphviz', got {said(engine)}")
    if engine == OURS and suffix in DRAWN and suffix != ".svg":
        raise DrawingError(f"save: the engine {OURS!r} draws .svg files; for {suffix} take 'dot' or 'pygraphviz'")


def picture(view: GraphView, form: str, engine: str | None, timeout: float, options: Options) -> bytes:
    """A view as "svg", "png" or "pdf". What is too large to be laid out is collapsed, whatever the engine."""
    scene = compose(view, options, caller="save")
    if form == "svg" and engine in (None, OURS):
        return to_svg(scene).encode()
    return draw(to_dot(scene), form, engine, timeout)


def draw(dot: str, form: str, engine: str | None = None, timeout: float = 60.0) -> bytes:
    """DOT text as "svg", "png" or "pdf": by the first Graphviz that is there and can, or by `engine` alone."""
    asked = [name for name in GRAPHVIZ if name == (engine or name)]
    there = [name for name in asked if _FOUND[name]()]
    failed = []
    for name in there:
        try:
            return _checked(_DRAW[name](dot.encode(), form, timeout), form)
        except subprocess.TimeoutExpired:
            boxes = dot.count("fillcolor=")
            raise DrawingError(
                f"save: {name} did not finish a picture of {boxes:,} boxes in {timeout:g} s: draw a smaller part "
                "(collapse='auto'), pass a longer timeout, or save as .svg without engine=, or as .dot"
            ) from None
        except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
            output = getattr(error, "stderr", None) or str(error).encode()
            failed.append(f"{name} failed: {output.decode(errors='replace').strip()[-300:]}")
    absent = {"dot": "no program `dot` on the PATH", "pygraphviz": "no package pygraphviz"}
    missing = " and ".join(absent[name] for name in asked if name not in there)
    what = f"engine={engine!r}" if form == "svg" else f"a .{form} file"
    raise DrawingError(
        f"save: {what} needs Graphviz: {'; '.join(filter(None, [missing, *failed]))}. Any one of these helps: {FIXES}. "
        f"Saving as .svg{' without engine=' if form == 'svg' else ''} needs none of them, nor does .dot, .json or .txt"
    )


def _checked(content: bytes, form: str) -> bytes:
    """What an engine drew, if it is a picture: a broken one may write nothing, or anything, and report success."""
    if not (content.startswith(BEGINNINGS[form]) and (form != "svg" or b"<svg" in content)):
        got = f"{len(content):,} bytes that are no {form.upper()}" if content else "nothing"
        raise RuntimeError(f"it reported success and wrote {got}")
    return content


def _draw_with_dot(dot: bytes, form: str, timeout: float) -> bytes:
    # Imported here: most programs draw nothing. graphviz.Source(dot).pipe() does the same, but without a time limit.
    from graphviz.backend import dot_command, execute

    command = dot_command.command("dot", form)
    done = execute.run_check(command, input=dot, capture_output=True, quiet=True, timeout=timeout)
    return bytes(done.stdout)


def _draw_with_pygraphviz(dot: bytes, form: str, timeout: float) -> bytes:
    command = [sys.executable, "-P", "-c", PYGRAPHVIZ, form]
    return subprocess.run(command, input=dot, capture_output=True, check=True, timeout=timeout).stdout


_FOUND: dict[str, Callable[[], bool]] = {
    "dot": lambda: shutil.which("dot") is not None,
    "pygraphviz": lambda: importlib.util.find_spec("pygraphviz") is not None,
}
_DRAW = {"dot": _draw_with_dot, "pygraphviz": _draw_with_pygraphviz}
