"""tensorgrad: a small, complete autodiff engine on NumPy. To read it, start at `tensorgrad/graph.py`."""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import check as check
from . import random as random
from . import viz as viz
from .check import AnomalyError as AnomalyError
from .check import GradcheckError as GradcheckError
from .check import detect_anomaly as detect_anomaly
from .check import gradcheck as gradcheck
from .check import gradgradcheck as gradgradcheck
from .creation import arange as arange
from .creation import as_tensor as as_tensor
from .creation import eye as eye
from .creation import from_dlpack as from_dlpack
from .creation import from_numpy as from_numpy
from .creation import full as full
from .creation import linspace as linspace
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import rand as rand
from .creation import randint as randint
from .creation import randn as randn
from .creation import tensor as tensor
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
from .dtypes import bool as bool
from .dtypes import float16 as float16
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import uint8 as uint8
from .errors import DTypeError as DTypeError
from .errors import FileFormatError as FileFormatError
from .errors import GradientError as GradientError
from .errors import LabelError as LabelError
from .errors import ShapeError as ShapeError
from .errors import TensorgradError as TensorgradError
from .graph import grad as grad
from .modes import enable_grad as enable_grad
from .modes import hide_frames as hide_frames
from .modes import is_grad_enabled as is_grad_enabled
from .modes import named_scope as named_scope
from .modes import no_grad as no_grad
from .modes import set_grad_enabled as set_grad_enabled
from .ops.activation import dropout as dropout
from .ops.activation import log_softmax as log_softmax
from .ops.activation import relu as relu
from .ops.activation import sigmoid as sigmoid
from .ops.activation import softmax as softmax
from .ops.activation import tanh as tanh
from .ops.conv import conv2d as conv2d
from .ops.elementwise import add as add
from .ops.elementwise import bitwise_and as bitwise_and
from .ops.elementwise import bitwise_not as bitwise_not
from .ops.elementwise import bitwise_or as bitwise_or
from .ops.elementwise import bitwise_xor as bitwise_xor
from .ops.elementwise import div as div
from .ops.elementwise import eq as eq
from .ops.elementwise import exp as exp
from .ops.elementwise import ge as ge
from .ops.elementwise import gt as gt
from .ops.elementwise import le as le
from .ops.elementwise import log as log
from .ops.elementwise import logical_and as logical_and
from .ops.elementwise import logical_not as logical_not
from .ops.elementwise import logical_or as logical_or
from .ops.elementwise import lt as lt
from .ops.elementwise import mul as mul
from .ops.elementwise import ne as ne
from .ops.elementwise import neg as neg
from .ops.elementwise import pow as pow
from .ops.elementwise import sqrt as sqrt
from .ops.elementwise import sub as sub
from .ops.elementwise import where as where
from .ops.indexing import gather as gather
from .ops.linalg import linear as linear
from .ops.linalg import matmul as matmul
from .ops.loss import cross_entropy as cross_entropy
from .ops.norm import native_batch_norm as native_batch_norm
from .ops.pool import max_pool2d as max_pool2d
from .ops.reduce import argmax as argmax
from .ops.reduce import max as max
from .ops.reduce import mean as mean
from .ops.reduce import sum as sum
from .ops.shape import broadcast_to as broadcast_to
from .ops.shape import cat as cat
from .ops.shape import flatten as flatten
from .ops.shape import permute as permute
from .ops.shape import reshape as reshape
from .ops.shape import squeeze as squeeze
from .ops.shape import stack as stack
from .ops.shape import transpose as transpose
from .ops.shape import unsqueeze as unsqueeze
from .primitive import clone as clone
from .primitive import elementwise as elementwise
from .primitive import primitive as primitive
from .random import default_generator as default_generator
from .random import manual_seed as manual_seed
from .tensor import Tensor as Tensor

__version__ = "0.1.0"

__all__ = [
    "AnomalyError",
    "DTypeError",
    "FileFormatError",
    "GradcheckError",
    "GradientError",
    "LabelError",
    "ShapeError",
    "Tensor",
    "TensorgradError",
    "add",
    "arange",
    "argmax",
    "as_tensor",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "bool",
    "broadcast_to",
    "cat",
    "check",
    "clone",
    "conv2d",
    "cross_entropy",
    "default_generator",
    "detect_anomaly",
    "div",
    "dropout",
    "elementwise",
    "enable_grad",
    "eq",
    "exp",
    "eye",
    "flatten",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "full",
    "gather",
    "ge",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "gt",
    "hide_frames",
    "int8",
    "int16",
    "int32",
    "int64",
    "is_grad_enabled",
    "le",
    "linear",
    "linspace",
    "log",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "lt",
    "manual_seed",
    "matmul",
    "max",
    "max_pool2d",
    "mean",
    "mul",
    "named_scope",
    "native_batch_norm",
    "ne",
    "neg",
    "no_grad",
    "ones",
    "ones_like",
    "permute",
    "pow",
    "primitive",
    "rand",
    "randint",
    "randn",
    "random",
    "relu",
    "reshape",
    "set_grad_enabled",
    "sigmoid",
    "softmax",
    "sqrt",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "tanh",
    "tensor",
    "transpose",
    "uint8",
    "unsqueeze",
    "viz",
    "where",
    "zeros",
    "zeros_like",
]


def __getattr__(name: str) -> _ModuleType:
    # nn is built on this package, so it cannot be imported with it: `tg.nn` imports it when first asked for.
    if name == "nn":
        return _import_module(".nn", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
