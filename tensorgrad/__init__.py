"""tensorgrad: a small, complete autodiff engine on NumPy. To read it, start at `tensorgrad/graph.py`."""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import check as check
from . import files as files
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
from .ops.activation import hardtanh as hardtanh
from .ops.activation import leaky_relu as leaky_relu
from .ops.activation import log_softmax as log_softmax
from .ops.activation import prelu as prelu
from .ops.activation import relu as relu
from .ops.activation import relu6 as relu6
from .ops.activation import sigmoid as sigmoid
from .ops.activation import softmax as softmax
from .ops.activation import softmin as softmin
from .ops.activation import tanh as tanh
from .ops.adaptive_pool import adaptive_avg_pool1d as adaptive_avg_pool1d
from .ops.adaptive_pool import adaptive_avg_pool2d as adaptive_avg_pool2d
from .ops.adaptive_pool import adaptive_avg_pool3d as adaptive_avg_pool3d
from .ops.adaptive_pool import adaptive_max_pool1d as adaptive_max_pool1d
from .ops.adaptive_pool import adaptive_max_pool2d as adaptive_max_pool2d
from .ops.adaptive_pool import adaptive_max_pool3d as adaptive_max_pool3d
from .ops.conv import conv1d as conv1d
from .ops.conv import conv2d as conv2d
from .ops.conv import conv3d as conv3d
from .ops.conv_transpose import conv_transpose1d as conv_transpose1d
from .ops.conv_transpose import conv_transpose2d as conv_transpose2d
from .ops.conv_transpose import conv_transpose3d as conv_transpose3d
from .ops.cross_entropy import cross_entropy as cross_entropy
from .ops.cross_entropy import nll_loss as nll_loss
from .ops.divergence import binary_cross_entropy as binary_cross_entropy
from .ops.divergence import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .ops.divergence import kl_div as kl_div
from .ops.elementwise import abs as abs
from .ops.elementwise import add as add
from .ops.elementwise import bitwise_and as bitwise_and
from .ops.elementwise import bitwise_not as bitwise_not
from .ops.elementwise import bitwise_or as bitwise_or
from .ops.elementwise import bitwise_xor as bitwise_xor
from .ops.elementwise import div as div
from .ops.elementwise import eq as eq
from .ops.elementwise import erf as erf
from .ops.elementwise import erfc as erfc
from .ops.elementwise import exp as exp
from .ops.elementwise import ge as ge
from .ops.elementwise import gt as gt
from .ops.elementwise import le as le
from .ops.elementwise import log as log
from .ops.elementwise import log1p as log1p
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
from .ops.embedding import embedding as embedding
from .ops.fold import fold as fold
from .ops.fold import unfold as unfold
from .ops.group_norm import group_norm as group_norm
from .ops.group_norm import instance_norm as instance_norm
from .ops.indexing import gather as gather
from .ops.interpolate import interpolate as interpolate
from .ops.layer_norm import layer_norm as layer_norm
from .ops.layer_norm import rms_norm as rms_norm
from .ops.linalg import linear as linear
from .ops.linalg import matmul as matmul
from .ops.loss import huber_loss as huber_loss
from .ops.loss import l1_loss as l1_loss
from .ops.loss import mse_loss as mse_loss
from .ops.loss import smooth_l1_loss as smooth_l1_loss
from .ops.norm import native_batch_norm as native_batch_norm
from .ops.pad import pad as pad
from .ops.pool import avg_pool1d as avg_pool1d
from .ops.pool import avg_pool2d as avg_pool2d
from .ops.pool import avg_pool3d as avg_pool3d
from .ops.pool import max_pool1d as max_pool1d
from .ops.pool import max_pool2d as max_pool2d
from .ops.pool import max_pool3d as max_pool3d
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
from .ops.smooth_activation import elu as elu
from .ops.smooth_activation import gelu as gelu
from .ops.smooth_activation import logsigmoid as logsigmoid
from .ops.smooth_activation import selu as selu
from .ops.smooth_activation import silu as silu
from .ops.smooth_activation import softplus as softplus
from .primitive import clone as clone
from .primitive import elementwise as elementwise
from .primitive import primitive as primitive
from .random import default_generator as default_generator
from .random import manual_seed as manual_seed
from .settings import conv_algorithm as conv_algorithm
from .settings import empty_cache as empty_cache
from .settings import get_num_threads as get_num_threads
from .settings import set_num_threads as set_num_threads
from .tensor import RemovableHandle as RemovableHandle
from .tensor import Tensor as Tensor

__version__ = "0.1.0"

__all__ = [
    "AnomalyError",
    "DTypeError",
    "FileFormatError",
    "GradcheckError",
    "GradientError",
    "LabelError",
    "RemovableHandle",
    "ShapeError",
    "Tensor",
    "TensorgradError",
    "abs",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "add",
    "arange",
    "argmax",
    "as_tensor",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "bitwise_and",
    "bitwise_not",
    "bitwise_or",
    "bitwise_xor",
    "bool",
    "broadcast_to",
    "cat",
    "check",
    "clone",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_algorithm",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cross_entropy",
    "default_generator",
    "detect_anomaly",
    "div",
    "dropout",
    "elementwise",
    "elu",
    "embedding",
    "empty_cache",
    "enable_grad",
    "eq",
    "erf",
    "erfc",
    "exp",
    "eye",
    "files",
    "flatten",
    "float16",
    "float32",
    "float64",
    "fold",
    "from_dlpack",
    "from_numpy",
    "full",
    "gather",
    "ge",
    "gelu",
    "get_num_threads",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "group_norm",
    "gt",
    "hardtanh",
    "hide_frames",
    "huber_loss",
    "instance_norm",
    "int8",
    "int16",
    "int32",
    "int64",
    "interpolate",
    "is_grad_enabled",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "le",
    "leaky_relu",
    "linear",
    "linspace",
    "log",
    "log1p",
    "log_softmax",
    "logical_and",
    "logical_not",
    "logical_or",
    "logsigmoid",
    "lt",
    "manual_seed",
    "matmul",
    "max",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mean",
    "mse_loss",
    "mul",
    "named_scope",
    "native_batch_norm",
    "ne",
    "neg",
    "nll_loss",
    "no_grad",
    "ones",
    "ones_like",
    "pad",
    "permute",
    "pow",
    "prelu",
    "primitive",
    "rand",
    "randint",
    "randn",
    "random",
    "relu",
    "relu6",
    "reshape",
    "rms_norm",
    "selu",
    "set_grad_enabled",
    "set_num_threads",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softmin",
    "softplus",
    "sqrt",
    "squeeze",
    "stack",
    "sub",
    "sum",
    "tanh",
    "tensor",
    "transpose",
    "uint8",
    "unfold",
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
