"""tensorgrad: a small, complete autodiff engine on NumPy. To read it, start at `tensorgrad/graph.py`."""

from importlib import import_module as _import_module
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING

from . import check as check
from . import files as files
from . import random as random
from . import tensor as _tensor_module  # noqa: F401  (loaded first: `tensor` is to name the function below)
from .arrays import device as device
from .check import AnomalyError as AnomalyError
from .check import GradcheckError as GradcheckError
from .check import detect_anomaly as detect_anomaly
from .check import gradcheck as gradcheck
from .check import gradgradcheck as gradgradcheck
from .creation import arange as arange
from .creation import as_tensor as as_tensor
from .creation import empty as empty
from .creation import empty_like as empty_like
from .creation import eye as eye
from .creation import from_dlpack as from_dlpack
from .creation import from_numpy as from_numpy
from .creation import full as full
from .creation import full_like as full_like
from .creation import linspace as linspace
from .creation import logspace as logspace
from .creation import ones as ones
from .creation import ones_like as ones_like
from .creation import tensor as tensor
from .creation import zeros as zeros
from .creation import zeros_like as zeros_like
from .dtypes import bool as bool
from .dtypes import double as double
from .dtypes import finfo as finfo
from .dtypes import float as float
from .dtypes import float16 as float16
from .dtypes import float32 as float32
from .dtypes import float64 as float64
from .dtypes import half as half
from .dtypes import iinfo as iinfo
from .dtypes import int as int
from .dtypes import int8 as int8
from .dtypes import int16 as int16
from .dtypes import int32 as int32
from .dtypes import int64 as int64
from .dtypes import long as long
from .dtypes import short as short
from .dtypes import uint8 as uint8
from .errors import DTypeError as DTypeError
from .errors import FileFormatError as FileFormatError
from .errors import GradientError as GradientError
from .errors import LabelError as LabelError
from .errors import LinAlgError as LinAlgError
from .errors import ShapeError as ShapeError
from .errors import SharingError as SharingError
from .errors import TensorgradError as TensorgradError
from .graph import grad as grad
from .inquiry import can_cast as can_cast
from .inquiry import is_floating_point as is_floating_point
from .inquiry import is_nonzero as is_nonzero
from .inquiry import is_tensor as is_tensor
from .inquiry import numel as numel
from .inquiry import promote_types as promote_types
from .inquiry import result_type as result_type
from .modes import enable_grad as enable_grad
from .modes import hide_frames as hide_frames
from .modes import inference_mode as inference_mode
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
from .ops.added_products import addbmm as addbmm
from .ops.added_products import addmm as addmm
from .ops.added_products import addmv as addmv
from .ops.added_products import addr as addr
from .ops.added_products import baddbmm as baddbmm
from .ops.aliases import absolute as absolute
from .ops.aliases import clip as clip
from .ops.aliases import divide as divide
from .ops.aliases import fix as fix
from .ops.aliases import greater as greater
from .ops.aliases import greater_equal as greater_equal
from .ops.aliases import less as less
from .ops.aliases import less_equal as less_equal
from .ops.aliases import multiply as multiply
from .ops.aliases import negative as negative
from .ops.aliases import not_equal as not_equal
from .ops.aliases import sgn as sgn
from .ops.aliases import subtract as subtract
from .ops.aliases import true_divide as true_divide
from .ops.alpha_dropout import alpha_dropout as alpha_dropout
from .ops.alpha_dropout import feature_alpha_dropout as feature_alpha_dropout
from .ops.arrange import flip as flip
from .ops.arrange import fliplr as fliplr
from .ops.arrange import flipud as flipud
from .ops.arrange import moveaxis as moveaxis
from .ops.arrange import movedim as movedim
from .ops.arrange import ravel as ravel
from .ops.arrange import roll as roll
from .ops.arrange import rot90 as rot90
from .ops.arrange import swapaxes as swapaxes
from .ops.arrange import swapdims as swapdims
from .ops.arrange import unflatten as unflatten
from .ops.bilinear import bilinear as bilinear
from .ops.conv import conv1d as conv1d
from .ops.conv import conv2d as conv2d
from .ops.conv import conv3d as conv3d
from .ops.conv_transpose import conv_transpose1d as conv_transpose1d
from .ops.conv_transpose import conv_transpose2d as conv_transpose2d
from .ops.conv_transpose import conv_transpose3d as conv_transpose3d
from .ops.cross_entropy import cross_entropy as cross_entropy
from .ops.cross_entropy import nll_loss as nll_loss
from .ops.distance import cosine_similarity as cosine_similarity
from .ops.distance import normalize as normalize
from .ops.distance import pairwise_distance as pairwise_distance
from .ops.divergence import binary_cross_entropy as binary_cross_entropy
from .ops.divergence import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from .ops.divergence import kl_div as kl_div
from .ops.einsum import einsum as einsum
from .ops.elementwise import abs as abs
from .ops.elementwise import add as add
from .ops.elementwise import bitwise_and as bitwise_and
from .ops.elementwise import bitwise_not as bitwise_not
from .ops.elementwise import bitwise_or as bitwise_or
from .ops.elementwise import bitwise_xor as bitwise_xor
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
from .ops.elementwise import sign as sign
from .ops.elementwise import sqrt as sqrt
from .ops.elementwise import sub as sub
from .ops.embedding import embedding as embedding
from .ops.exponential import addcdiv as addcdiv
from .ops.exponential import addcmul as addcmul
from .ops.exponential import erfinv as erfinv
from .ops.exponential import exp2 as exp2
from .ops.exponential import expm1 as expm1
from .ops.exponential import lerp as lerp
from .ops.exponential import log2 as log2
from .ops.exponential import log10 as log10
from .ops.exponential import logaddexp as logaddexp
from .ops.exponential import logaddexp2 as logaddexp2
from .ops.exponential import logit as logit
from .ops.exponential import reciprocal as reciprocal
from .ops.exponential import rsqrt as rsqrt
from .ops.exponential import square as square
from .ops.exponential import xlogy as xlogy
from .ops.extrema import amax as amax
from .ops.extrema import amin as amin
from .ops.extrema import aminmax as aminmax
from .ops.extrema import argmax as argmax
from .ops.extrema import argmin as argmin
from .ops.extrema import cummax as cummax
from .ops.extrema import cummin as cummin
from .ops.extrema import max as max
from .ops.extrema import min as min
from .ops.extremes import clamp as clamp
from .ops.extremes import clamp_max as clamp_max
from .ops.extremes import clamp_min as clamp_min
from .ops.extremes import fmax as fmax
from .ops.extremes import fmin as fmin
from .ops.extremes import maximum as maximum
from .ops.extremes import minimum as minimum
from .ops.extremes import nan_to_num as nan_to_num
from .ops.fold import fold as fold
from .ops.fold import unfold as unfold
from .ops.gate import glu as glu
from .ops.gate import gumbel_softmax as gumbel_softmax
from .ops.group_norm import group_norm as group_norm
from .ops.group_norm import instance_norm as instance_norm
from .ops.index import index_add as index_add
from .ops.index import index_copy as index_copy
from .ops.index import index_fill as index_fill
from .ops.index import index_put as index_put
from .ops.index import index_select as index_select
from .ops.index import put as put
from .ops.index import take as take
from .ops.index import take_along_dim as take_along_dim
from .ops.indexing import gather as gather
from .ops.interpolate import interpolate as interpolate
from .ops.inverse import matrix_power as matrix_power
from .ops.label_margin_loss import multi_margin_loss as multi_margin_loss
from .ops.label_margin_loss import multilabel_margin_loss as multilabel_margin_loss
from .ops.label_margin_loss import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from .ops.layer_norm import layer_norm as layer_norm
from .ops.layer_norm import rms_norm as rms_norm
from .ops.linalg import linear as linear
from .ops.linalg import matmul as matmul
from .ops.local_norm import local_response_norm as local_response_norm
from .ops.log_sums import logcumsumexp as logcumsumexp
from .ops.log_sums import logsumexp as logsumexp
from .ops.logic import allclose as allclose
from .ops.logic import bitwise_left_shift as bitwise_left_shift
from .ops.logic import bitwise_right_shift as bitwise_right_shift
from .ops.logic import copysign as copysign
from .ops.logic import equal as equal
from .ops.logic import heaviside as heaviside
from .ops.logic import isclose as isclose
from .ops.logic import isfinite as isfinite
from .ops.logic import isinf as isinf
from .ops.logic import isnan as isnan
from .ops.logic import isneginf as isneginf
from .ops.logic import isposinf as isposinf
from .ops.logic import logical_xor as logical_xor
from .ops.logic import positive as positive
from .ops.logic import signbit as signbit
from .ops.loss import huber_loss as huber_loss
from .ops.loss import l1_loss as l1_loss
from .ops.loss import mse_loss as mse_loss
from .ops.loss import smooth_l1_loss as smooth_l1_loss
from .ops.margin_loss import cosine_embedding_loss as cosine_embedding_loss
from .ops.margin_loss import hinge_embedding_loss as hinge_embedding_loss
from .ops.margin_loss import margin_ranking_loss as margin_ranking_loss
from .ops.margin_loss import soft_margin_loss as soft_margin_loss
from .ops.margin_loss import triplet_margin_loss as triplet_margin_loss
from .ops.margin_loss import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from .ops.masked import argwhere as argwhere
from .ops.masked import masked_fill as masked_fill
from .ops.masked import masked_scatter as masked_scatter
from .ops.masked import masked_select as masked_select
from .ops.masked import nonzero as nonzero
from .ops.masked import where as where
from .ops.matrix_functions import cholesky as cholesky
from .ops.matrix_functions import det as det
from .ops.matrix_functions import inverse as inverse
from .ops.matrix_functions import logdet as logdet
from .ops.matrix_functions import norm as norm
from .ops.matrix_functions import slogdet as slogdet
from .ops.nll import gaussian_nll_loss as gaussian_nll_loss
from .ops.nll import poisson_nll_loss as poisson_nll_loss
from .ops.norm import affine_channel as affine_channel
from .ops.norm import native_batch_norm as native_batch_norm
from .ops.pad import pad as pad
from .ops.piecewise import hardshrink as hardshrink
from .ops.piecewise import hardsigmoid as hardsigmoid
from .ops.piecewise import hardswish as hardswish
from .ops.piecewise import rrelu as rrelu
from .ops.piecewise import softshrink as softshrink
from .ops.piecewise import threshold as threshold
from .ops.pool import avg_pool1d as avg_pool1d
from .ops.pool import avg_pool2d as avg_pool2d
from .ops.pool import avg_pool3d as avg_pool3d
from .ops.pool import max_pool1d as max_pool1d
from .ops.pool import max_pool2d as max_pool2d
from .ops.pool import max_pool3d as max_pool3d
from .ops.power_pool import lp_pool1d as lp_pool1d
from .ops.power_pool import lp_pool2d as lp_pool2d
from .ops.power_pool import lp_pool3d as lp_pool3d
from .ops.products import bmm as bmm
from .ops.products import cross as cross
from .ops.products import dot as dot
from .ops.products import inner as inner
from .ops.products import kron as kron
from .ops.products import mm as mm
from .ops.products import mv as mv
from .ops.products import outer as outer
from .ops.products import tensordot as tensordot
from .ops.products import trace as trace
from .ops.products import vdot as vdot
from .ops.reduce import mean as mean
from .ops.reduce import sum as sum
from .ops.repeat import repeat_interleave as repeat_interleave
from .ops.repeat import tile as tile
from .ops.rounding import ceil as ceil
from .ops.rounding import div as div
from .ops.rounding import floor as floor
from .ops.rounding import floor_divide as floor_divide
from .ops.rounding import fmod as fmod
from .ops.rounding import frac as frac
from .ops.rounding import remainder as remainder
from .ops.rounding import round as round
from .ops.rounding import trunc as trunc
from .ops.scans import cumprod as cumprod
from .ops.scans import cumsum as cumsum
from .ops.scans import prod as prod
from .ops.scatter import scatter as scatter
from .ops.scatter import scatter_add as scatter_add
from .ops.scatter import scatter_reduce as scatter_reduce
from .ops.search import bincount as bincount
from .ops.search import bucketize as bucketize
from .ops.search import isin as isin
from .ops.search import searchsorted as searchsorted
from .ops.shape import broadcast_to as broadcast_to
from .ops.shape import cat as cat
from .ops.shape import flatten as flatten
from .ops.shape import permute as permute
from .ops.shape import reshape as reshape
from .ops.shape import squeeze as squeeze
from .ops.shape import stack as stack
from .ops.shape import t as t
from .ops.shape import transpose as transpose
from .ops.shape import unsqueeze as unsqueeze
from .ops.shuffle import channel_shuffle as channel_shuffle
from .ops.shuffle import pixel_shuffle as pixel_shuffle
from .ops.shuffle import pixel_unshuffle as pixel_unshuffle
from .ops.smooth_activation import celu as celu
from .ops.smooth_activation import elu as elu
from .ops.smooth_activation import gelu as gelu
from .ops.smooth_activation import logsigmoid as logsigmoid
from .ops.smooth_activation import mish as mish
from .ops.smooth_activation import selu as selu
from .ops.smooth_activation import silu as silu
from .ops.smooth_activation import softplus as softplus
from .ops.smooth_activation import softsign as softsign
from .ops.smooth_activation import tanhshrink as tanhshrink
from .ops.sorting import argsort as argsort
from .ops.sorting import kthvalue as kthvalue
from .ops.sorting import median as median
from .ops.sorting import nanmedian as nanmedian
from .ops.sorting import sort as sort
from .ops.sorting import topk as topk
from .ops.sorting import unique as unique
from .ops.split import chunk as chunk
from .ops.split import dsplit as dsplit
from .ops.split import hsplit as hsplit
from .ops.split import narrow as narrow
from .ops.split import select as select
from .ops.split import split as split
from .ops.split import tensor_split as tensor_split
from .ops.split import unbind as unbind
from .ops.split import vsplit as vsplit
from .ops.spread import broadcast_shapes as broadcast_shapes
from .ops.spread import broadcast_tensors as broadcast_tensors
from .ops.spread import cartesian_prod as cartesian_prod
from .ops.spread import meshgrid as meshgrid
from .ops.stacking import atleast_1d as atleast_1d
from .ops.stacking import atleast_2d as atleast_2d
from .ops.stacking import atleast_3d as atleast_3d
from .ops.stacking import column_stack as column_stack
from .ops.stacking import concat as concat
from .ops.stacking import concatenate as concatenate
from .ops.stacking import dstack as dstack
from .ops.stacking import hstack as hstack
from .ops.stacking import row_stack as row_stack
from .ops.stacking import vstack as vstack
from .ops.statistics import all as all
from .ops.statistics import any as any
from .ops.statistics import count_nonzero as count_nonzero
from .ops.statistics import nanmean as nanmean
from .ops.statistics import nansum as nansum
from .ops.statistics import std as std
from .ops.statistics import std_mean as std_mean
from .ops.statistics import var as var
from .ops.statistics import var_mean as var_mean
from .ops.triangle import diag as diag
from .ops.triangle import diag_embed as diag_embed
from .ops.triangle import diagflat as diagflat
from .ops.triangle import diagonal as diagonal
from .ops.triangle import tril as tril
from .ops.triangle import tril_indices as tril_indices
from .ops.triangle import triu as triu
from .ops.triangle import triu_indices as triu_indices
from .ops.trigonometric import acos as acos
from .ops.trigonometric import acosh as acosh
from .ops.trigonometric import arccos as arccos
from .ops.trigonometric import arccosh as arccosh
from .ops.trigonometric import arcsin as arcsin
from .ops.trigonometric import arcsinh as arcsinh
from .ops.trigonometric import arctan as arctan
from .ops.trigonometric import arctan2 as arctan2
from .ops.trigonometric import arctanh as arctanh
from .ops.trigonometric import asin as asin
from .ops.trigonometric import asinh as asinh
from .ops.trigonometric import atan as atan
from .ops.trigonometric import atan2 as atan2
from .ops.trigonometric import atanh as atanh
from .ops.trigonometric import cos as cos
from .ops.trigonometric import cosh as cosh
from .ops.trigonometric import deg2rad as deg2rad
from .ops.trigonometric import hypot as hypot
from .ops.trigonometric import rad2deg as rad2deg
from .ops.trigonometric import sin as sin
from .ops.trigonometric import sinc as sinc
from .ops.trigonometric import sinh as sinh
from .ops.trigonometric import tan as tan
from .ops.unpool import max_unpool1d as max_unpool1d
from .ops.unpool import max_unpool2d as max_unpool2d
from .ops.unpool import max_unpool3d as max_unpool3d
from .primitive import clone as clone
from .primitive import elementwise as elementwise
from .primitive import primitive as primitive
from .printing import set_printoptions as set_printoptions
from .random import default_generator as default_generator
from .random import get_rng_state as get_rng_state
from .random import initial_seed as initial_seed
from .random import manual_seed as manual_seed
from .random import seed as seed
from .random import set_rng_state as set_rng_state
from .sampling import bernoulli as bernoulli
from .sampling import multinomial as multinomial
from .sampling import normal as normal
from .sampling import rand as rand
from .sampling import rand_like as rand_like
from .sampling import randint as randint
from .sampling import randint_like as randint_like
from .sampling import randn as randn
from .sampling import randn_like as randn_like
from .sampling import randperm as randperm
from .settings import conv_algorithm as conv_algorithm
from .settings import empty_cache as empty_cache
from .settings import get_helpers as get_helpers
from .settings import get_num_threads as get_num_threads
from .settings import set_helpers as set_helpers
from .settings import set_num_threads as set_num_threads
from .tensor import RemovableHandle as RemovableHandle
from .tensor import Tensor as Tensor

if _TYPE_CHECKING:
    from . import autograd as autograd
    from . import func as func
    from . import linalg as linalg
    from . import viz as viz

__version__ = "0.1.0"

__all__ = [
    "AnomalyError",
    "DTypeError",
    "FileFormatError",
    "GradcheckError",
    "GradientError",
    "LabelError",
    "LinAlgError",
    "RemovableHandle",
    "ShapeError",
    "SharingError",
    "Tensor",
    "TensorgradError",
    "abs",
    "absolute",
    "acos",
    "acosh",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "add",
    "addbmm",
    "addcdiv",
    "addcmul",
    "addmm",
    "addmv",
    "addr",
    "affine_channel",
    "all",
    "allclose",
    "alpha_dropout",
    "amax",
    "amin",
    "aminmax",
    "any",
    "arange",
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctan2",
    "arctanh",
    "argmax",
    "argmin",
    "argsort",
    "argwhere",
    "as_tensor",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "autograd",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "baddbmm",
    "bernoulli",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "bincount",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "bmm",
    "bool",
    "broadcast_shapes",
    "broadcast_tensors",
    "broadcast_to",
    "bucketize",
    "can_cast",
    "cartesian_prod",
    "cat",
    "ceil",
    "celu",
    "channel_shuffle",
    "check",
    "cholesky",
    "chunk",
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "clone",
    "column_stack",
    "concat",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_algorithm",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "copysign",
    "cos",
    "cosh",
    "cosine_embedding_loss",
    "cosine_similarity",
    "count_nonzero",
    "cross",
    "cross_entropy",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "default_generator",
    "deg2rad",
    "det",
    "detect_anomaly",
    "device",
    "diag",
    "diag_embed",
    "diagflat",
    "diagonal",
    "div",
    "divide",
    "dot",
    "double",
    "dropout",
    "dsplit",
    "dstack",
    "e",
    "einsum",
    "elementwise",
    "elu",
    "embedding",
    "empty",
    "empty_cache",
    "empty_like",
    "enable_grad",
    "eq",
    "equal",
    "erf",
    "erfc",
    "erfinv",
    "exp",
    "exp2",
    "expm1",
    "eye",
    "feature_alpha_dropout",
    "files",
    "finfo",
    "fix",
    "flatten",
    "flip",
    "fliplr",
    "flipud",
    "float",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "fmax",
    "fmin",
    "fmod",
    "fold",
    "frac",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "func",
    "gather",
    "gaussian_nll_loss",
    "ge",
    "gelu",
    "get_helpers",
    "get_num_threads",
    "get_rng_state",
    "glu",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "greater",
    "greater_equal",
    "group_norm",
    "gt",
    "gumbel_softmax",
    "half",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "heaviside",
    "hide_frames",
    "hinge_embedding_loss",
    "hsplit",
    "hstack",
    "huber_loss",
    "hypot",
    "iinfo",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "index_select",
    "inf",
    "inference_mode",
    "initial_seed",
    "inner",
    "instance_norm",
    "int",
    "int8",
    "int16",
    "int32",
    "int64",
    "interpolate",
    "inverse",
    "is_floating_point",
    "is_grad_enabled",
    "is_nonzero",
    "is_tensor",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "kl_div",
    "kron",
    "kthvalue",
    "l1_loss",
    "layer_norm",
    "le",
    "leaky_relu",
    "lerp",
    "less",
    "less_equal",
    "linalg",
    "linear",
    "linspace",
    "local_response_norm",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logcumsumexp",
    "logdet",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logit",
    "logsigmoid",
    "logspace",
    "logsumexp",
    "long",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "lt",
    "manual_seed",
    "margin_ranking_loss",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "matmul",
    "matrix_power",
    "max",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "maximum",
    "mean",
    "median",
    "meshgrid",
    "min",
    "minimum",
    "mish",
    "mm",
    "moveaxis",
    "movedim",
    "mse_loss",
    "mul",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "multinomial",
    "multiply",
    "mv",
    "named_scope",
    "nan",
    "nan_to_num",
    "nanmean",
    "nanmedian",
    "nansum",
    "narrow",
    "native_batch_norm",
    "ne",
    "neg",
    "negative",
    "nll_loss",
    "no_grad",
    "nonzero",
    "norm",
    "normal",
    "normalize",
    "not_equal",
    "numel",
    "ones",
    "ones_like",
    "outer",
    "pad",
    "pairwise_distance",
    "permute",
    "pi",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "positive",
    "pow",
    "prelu",
    "primitive",
    "prod",
    "promote_types",
    "put",
    "rad2deg",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "random",
    "randperm",
    "ravel",
    "reciprocal",
    "relu",
    "relu6",
    "remainder",
    "repeat_interleave",
    "reshape",
    "result_type",
    "rms_norm",
    "roll",
    "rot90",
    "round",
    "row_stack",
    "rrelu",
    "rsqrt",
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "searchsorted",
    "seed",
    "select",
    "selu",
    "set_grad_enabled",
    "set_helpers",
    "set_num_threads",
    "set_printoptions",
    "set_rng_state",
    "sgn",
    "short",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "sin",
    "sinc",
    "sinh",
    "slogdet",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "sort",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "std_mean",
    "sub",
    "subtract",
    "sum",
    "swapaxes",
    "swapdims",
    "t",
    "take",
    "take_along_dim",
    "tan",
    "tanh",
    "tanhshrink",
    "tensor",
    "tensor_split",
    "tensordot",
    "threshold",
    "tile",
    "topk",
    "trace",
    "transpose",
    "tril",
    "tril_indices",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "triu",
    "triu_indices",
    "true_divide",
    "trunc",
    "uint8",
    "unbind",
    "unflatten",
    "unfold",
    "unique",
    "unsqueeze",
    "var",
    "var_mean",
    "vdot",
    "viz",
    "vsplit",
    "vstack",
    "where",
    "xlogy",
    "zeros",
    "zeros_like",
]


# Imported when they are first asked for: `nn` is built on this package, so it cannot be imported with it; the others
# would add a third to the time that `import tensorgrad` takes, and many programs use none of them.
_LATER = frozenset({"autograd", "func", "linalg", "nn", "viz"})


def __getattr__(name: str) -> _ModuleType:
    if name in _LATER:
        return _import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
