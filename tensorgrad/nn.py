from nn import *
from nn import __all__ as __all__
