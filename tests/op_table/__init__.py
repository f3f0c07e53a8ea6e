"""Every operation as rows of data: what to call, on what, and a NumPy formula or naive loop that says what comes out.

`test_ops.py` runs general tests over the rows and `parity/test_ops_parity.py` compares them with PyTorch. An operation
is added by a row in the module of its subject: every primitive and every public function has one, and every keyword of
either takes two values or more over its rows.

Each module has `ROWS`, and may have `KINKS`: {operation: what it does at its kinks and ties}, which the generated
table of operations shows.
"""

import importlib
import pkgutil

from .row import (
    F16,
    F32,
    F64,
    I64,
    PLAIN,
    TENSORS,
    Row,
    Seed,
    arguments_of,
    as_tuple,
    draw,
    keyword_values,
    name_of,
    primitives,
    public_keyword_values,
    public_operations,
)

NAMES = [info.name for info in pkgutil.iter_modules(__path__) if info.name != "document"]  # that is a program
MODULES = [importlib.import_module(f"{__name__}.{name}") for name in NAMES]
ROWS: list[Row] = [row for module in MODULES for row in getattr(module, "ROWS", [])]
KINKS: dict[str, str] = {name: told for module in MODULES for name, told in getattr(module, "KINKS", {}).items()}

__all__ = [
    "F16",
    "F32",
    "F64",
    "I64",
    "KINKS",
    "PLAIN",
    "ROWS",
    "TENSORS",
    "Row",
    "Seed",
    "arguments_of",
    "as_tuple",
    "draw",
    "keyword_values",
    "name_of",
    "primitives",
    "public_keyword_values",
    "public_operations",
]
