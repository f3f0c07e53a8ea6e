"""The package `nn` as `tensorgrad.nn`."""

from nn import *
from nn import __all__ as __all__
