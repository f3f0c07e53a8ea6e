"""A module's parameters and buffers in a safetensors file."""

import tensorgrad as tg

from .errors import StateError
from .io import FilePath, load_file
from .module import LoadResult, Module


def load(module: Module, path: FilePath, strict: bool = True) -> LoadResult:
    """Copy into a module what `save(module, path)` wrote, or another program's safetensors file with the same names.

    Everything is checked before the first value is copied: raises StateError, as `load_state_dict` does, when names
    (unless `strict` is False), shapes or dtypes do not fit, FileFormatError when the file is damaged or of another
    format, MissingFileError when there is none.
    """
    if not isinstance(module, Module):
        raise tg.DTypeError(f"load: the first argument is a {type(module).__name__}, expected a Module, then a path")
    try:
        return module.load_state_dict(load_file(path), strict)
    except StateError as error:
        raise StateError(f"load: {path}: {error}") from None
