"""From DOT text to a picture, by whichever Graphviz is there, and onto the disk, whole or not at all."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import TensorgradError
from ..files import atomic_write

if TYPE_CHECKING:
    from .view import GraphView

DRAWN = (".svg", ".png", ".pdf")
WRITTEN = (".dot", ".json", ".txt")
ENGINES = ("dot", "pygraphviz")

# pygraphviz runs Graphviz inside the process; in one of its own it can be stopped, and a crash takes nothing along.
PYGRAPHVIZ = """
import sys, pygraphviz
graph = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode())
sys.stdout.buffer.write(graph.draw(format=sys.argv[1], prog="dot"))
"""


class DrawingError(TensorgradError, RuntimeError):
    """A picture that cannot be drawn: no Graphviz, not in time, or a suffix that is no picture's."""


def save(
    view: GraphView, path: str | os.PathLike[str], engine: str | None, timeout: float, options: dict[str, Any]
) -> None:
    """See `GraphView.save`."""
    given, path = path, Path(os.path.realpath(path))
    suffix = Path(os.fspath(given)).suffix.lower()
    if suffix not in DRAWN + WRITTEN:
        raise DrawingError(
            f"save: {os.fspath(given)!r}: the suffix says what to write: {', '.join(DRAWN + WRITTEN)}, got {suffix!r}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save: {path}: there is no folder {path.parent}")
    if path.exists() and not path.is_file():
        raise OSError(f"save: {path} is not a regular file, so it cannot be replaced")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise PermissionError(f"save: {path}: no permission to write there")
    if suffix in DRAWN:
        content = draw(view.to_dot(**options), suffix[1:], engine, timeout)
    elif suffix == ".dot":
        content = view.to_dot(**options).encode()
    else:
        content = (view.to_json(indent=1) if suffix == ".json" else view.to_text()).encode()
    atomic_write(path, content)


def draw(dot: str, form: str, engine: str | None = None, timeout: float = 60.0) -> bytes:
    """DOT text as "svg", "png" or "pdf": by the first engine that is there and can, or by `engine` alone."""
    if engine is not None and engine not in ENGINES:
        raise DrawingError(f"draw: engine must be {' or '.join(map(repr, ENGINES))}, got {engine!r}")
    there = [name for name in ENGINES if name == (engine or name) and _FOUND[name]()]
    failed = []
    for name in there:
        try:
            return _DRAW[name](dot.encode(), form, timeout)
        except subprocess.TimeoutExpired:
            boxes = dot.count("fillcolor=")
            raise DrawingError(
                f"draw: {name} did not finish a picture of {boxes:,} boxes in {timeout:g} s: draw a smaller part, "
                "pass a longer timeout, or save the text as .dot"
            ) from None
        except (ImportError, OSError, RuntimeError, subprocess.CalledProcessError) as error:
            output = getattr(error, "stderr", None) or str(error).encode()
            failed.append(f"{name} failed: {output.decode(errors='replace').strip()[-300:]}")
    missing = " and ".join(
        {"dot": "no program `dot` on the PATH", "pygraphviz": "no package pygraphviz"}[name]
        for name in ENGINES
        if name == (engine or name) and name not in there
    )
    raise DrawingError(
        f"draw: a .{form} file needs Graphviz: {'; '.join(filter(None, [missing, *failed]))}. Any one of these helps: "
        "pip install pygraphviz (its wheels bring Graphviz along); apt-get install graphviz; brew install graphviz; "
        "conda install graphviz; winget install graphviz. Saving as .dot, .json or .txt needs none of them"
    )


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
