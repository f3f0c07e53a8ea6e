from .builder import cnn as cnn
from .writer import notation as notation
from .writer import word as word

__all__ = ["cnn", "notation", "word"]
