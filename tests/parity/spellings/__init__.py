"""How PyTorch spells the operations that have another name or another call there.

Each module has `CALLS`: {our operation: a function that does the same in PyTorch, called as the rows call ours}, and
may have `refused(row)`: why PyTorch cannot run a row, or None. What is in no table is found in PyTorch by its name.
"""

import importlib
import pkgutil

MODULES = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
CALLS = {op: call for module in MODULES for op, call in getattr(module, "CALLS", {}).items()}


def is_refused(row):
    """What PyTorch does not take, or leaves undefined: the reason, or None."""
    told = (module.refused(row) for module in MODULES if hasattr(module, "refused"))
    return next(filter(None, told), None)
