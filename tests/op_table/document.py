"""`python -m tests.op_table.document` writes docs/operations.md: a row for every public operation.

What stands there is read from the code and from the table of operations: docstrings, the source of the VJPs, the
primitives that the rows record, and what the tests run on them. A test compares the file with `text()`.
"""

import ast
import functools
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad.methods import Methods
from tensorgrad.node import Node
from tensorgrad.primitive import Primitive

from . import F64, KINKS, ROWS, Row, as_tuple, public_operations

PATH = Path(__file__).parents[2] / "docs" / "operations.md"

HEAD = """\
# Operations

Every public operation: of `tensorgrad`, of `tensorgrad.linalg` (`linalg.`), and what `nn.functional` has of its own
(`F.`); a heading for each module that they are in. `make docs` writes this page from the code and the tests, and a test
holds it to them. The arguments are told at the functions, cases with numbers in [conventions.md](conventions.md).

- **operation**: its name, and its other names. `.m` after it: a method of tensors too. With a dot before it: a method
  alone.
- **gradient**: the rule as it stands in the code, for each input that has one; `g` is what arrives, `out` the result.
  A long rule is cut off, one that is a function is named. "Of" and names: a composition of these operations.
- **second**: yes where the tests compare second derivatives with differences. They come of the same rules, which are
  themselves made of these operations.
- **dtypes**: all where the tests find that float16 and float32 stay what they are, in results and in gradients.
"""
COLUMNS = ("operation", "what it computes", "gradient", "second", "kinks, ties, singular points", "dtypes")
WIDEST = 76  # of a rule: what is longer is cut off


def text() -> str:
    """The whole file."""
    groups: dict[str, list[str]] = {}
    for name, operation in operations().items():
        groups.setdefault(group_of(operation), []).append(f"| {' | '.join(cells_of(name, operation))} |")
    lines = [HEAD]
    for module in sorted(groups, key=lambda module: (not module.startswith("tensorgrad.ops."), module)):
        lines += [f"## {module.removeprefix('tensorgrad.').removeprefix('ops.')}", ""]
        lines += [plain(first_sentence(sys.modules[module])) + ".", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", f"|{' --- |' * len(COLUMNS)}", *groups[module], ""]
    return "\n".join(lines)


def operations() -> dict[str, Callable[..., Any]]:
    """{name: function}, in order: also what the engine has, as `clone`, and what is a method alone, as ".expand"."""
    found = public_operations()
    found |= {n: getattr(tg, n) for n in tg.__all__ if isinstance(getattr(tg, n), Primitive) and not known(n, found)}
    alone = {n: f for n, f in vars(Methods).items() if callable(f) and not n.startswith("_") and not known(n, found)}
    return dict(sorted({**found, **{f".{n}": f for n, f in alone.items()}}.items()))


def known(name: str, found: dict[str, Callable[..., Any]]) -> bool:
    return any(f is getattr(tg, name, getattr(Methods, name, None)) for f in found.values())


def group_of(operation: Callable[..., Any]) -> str:
    """The module that an operation is in."""
    return operation.forward.__module__ if isinstance(operation, Primitive) else operation.__module__


def cells_of(name: str, operation: Callable[..., Any]) -> tuple[str, ...]:
    rows = [row for row in ROWS if row.op is operation]
    recorded = [primitives for row in rows if (primitives := recorded_by(row)) is not None]
    gradient = gradient_of(operation, recorded) if recorded else "none"
    kink = KINKS.get(name.removeprefix("F."), "")
    cells = (
        names_of(name, operation),
        first_sentence(operation),
        gradient,
        "yes" if recorded else "",
        kink[:1].upper() + kink[1:].rstrip("."),
        dtypes_of([row for row in rows if row.wanted()]) if recorded else "",
    )
    return tuple(map(plain, cells))


def plain(cell: str) -> str:
    """What Markdown would take for marks of its own, outside of code, told to be none."""
    parts = cell.replace("|", "\\|").split("`")
    return "`".join(part if i % 2 else re.sub(r"(?<! )\*|\*(?! )", r"\*", part) for i, part in enumerate(parts))


def names_of(name: str, operation: Callable[..., Any]) -> str:
    """The name, whether it is a method, and the other names of the same function."""
    places = [("", tg, tg.__all__), ("linalg.", tg.linalg, tg.linalg.__all__)]
    names = [prefix + n for prefix, place, listed in places for n in listed if getattr(place, n) is operation]
    told = " `.m`" if any(hasattr(tg.Tensor, n) for n in [name, *names]) else ""
    return ", ".join([f"`{name}`{told}", *(f"`{n}`" for n in sorted(names) if n != name)])


def first_sentence(documented: Any) -> str:
    """Of a docstring, on one line: to the first full stop that ends a line or has a space after it."""
    lines = inspect.getdoc(documented)
    assert lines, f"{documented} has no docstring"
    paragraph = " ".join(lines.split("\n\n")[0].split())
    return re.split(r"(?<=[^.])\. |\.$", paragraph)[0]


def recorded_by(row: Row) -> list[Primitive] | None:
    """The primitives a row records in float64, in order; None where nothing that it gives has a gradient."""
    values = row.values()
    for i in row.wanted():
        values[i] = tg.from_numpy(np.asarray(values[i]))
        values[i].requires_grad = True
    results = [r for r in as_tuple(row.run(*values)) if isinstance(r, tg.Tensor) and r.requires_grad and r.dtype == F64]
    if not results:
        return None
    nodes: dict[int, Node] = {}
    waiting = [r.node for r in results if r.node is not None]
    while waiting:
        node = waiting.pop()
        if node.seq not in nodes:
            nodes[node.seq] = node
            waiting += [edge[0] for edge in node.edges if isinstance(edge, tuple)]
    return [nodes[seq].primitive for seq in sorted(nodes)]


def gradient_of(operation: Callable[..., Any], recorded: list[list[Primitive]]) -> str:
    """The rules, where one primitive is the operation; the operations it is made of, where it is a composition."""
    used = list(dict.fromkeys(p for primitives in recorded for p in primitives))
    own = operation if isinstance(operation, Primitive) else None
    if own is None:
        own = next((p for p in used if p.name == operation.__name__), None)
    made = "of " + ", ".join(dict.fromkeys(f"`{p.name}`" for p in used if p is not own))
    if own is None:
        return made if used else "`g`"  # the input itself comes back
    apart = any(primitives and own not in primitives for primitives in recorded)
    return rules_of(own) + (f"; or {made}" if apart else "")


def rules_of(primitive: Primitive) -> str:
    """The VJPs of a primitive, as source where that is short."""
    if primitive.joint is not None:
        return f"`{primitive.joint.__name__}`"
    if primitive.rule_for_all is not None:
        return source_of(primitive.rule_for_all)
    told = [(n, source_of(rule)) for n, rule in zip(primitive.inputs, primitive.rules, strict=True) if rule is not None]
    assert told, f"{primitive} is recorded, but has no rules"
    return told[0][1] if len(primitive.inputs) == 1 else "; ".join(f"{n}: {source}" for n, source in told)


def source_of(rule: Callable[..., Any]) -> str:
    """What a VJP returns, in code; its name where it is longer than a line."""
    code = rule.__code__
    if code.co_name != "<lambda>":
        return f"`{code.co_name}`"
    places = [(line, column) for line, _, column, end in code.co_positions() if line and end]
    for node in lambdas(rule.__module__):
        body = node.body
        start, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
        if node.lineno == code.co_firstlineno and all(start <= place <= end for place in places):
            return f"`{textwrap.shorten(ast.unparse(body), WIDEST, placeholder=' ...')}`"
    raise AssertionError(f"no source found for {rule}")


@functools.cache
def lambdas(module: str) -> list[ast.Lambda]:
    return [n for n in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))) if isinstance(n, ast.Lambda)]


def dtypes_of(rows: list[Row]) -> str:
    """What the rows say of float16 and float32."""
    if not any(row.half for row in rows):
        return "no float16"
    if not all(row.half for row in rows):
        return "float16 in part"
    return "all, in gradients" if all(row.mixed for row in rows) else "all"


def write(path: Path) -> None:
    """The file, or none: what is half written stands beside it."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(text(), encoding="utf-8", newline="\n")
    os.replace(beside, path)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else PATH)
