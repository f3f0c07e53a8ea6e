"""Functions of layers without their parameters, with PyTorch's signatures."""

import math
import sys
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import adaptive_avg_pool1d as adaptive_avg_pool1d
from tensorgrad import adaptive_avg_pool2d as adaptive_avg_pool2d
from tensorgrad import adaptive_avg_pool3d as adaptive_avg_pool3d
from tensorgrad import adaptive_max_pool1d as adaptive_max_pool1d
from tensorgrad import adaptive_max_pool2d as adaptive_max_pool2d
from tensorgrad import adaptive_max_pool3d as adaptive_max_pool3d
from tensorgrad import alpha_dropout as alpha_dropout
from tensorgrad import avg_pool1d as avg_pool1d
from tensorgrad import avg_pool2d as avg_pool2d
from tensorgrad import avg_pool3d as avg_pool3d
from tensorgrad import bilinear as bilinear
from tensorgrad import binary_cross_entropy as binary_cross_entropy
from tensorgrad import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from tensorgrad import celu as celu
from tensorgrad import channel_shuffle as channel_shuffle
from tensorgrad import conv1d as conv1d
from tensorgrad import conv2d as conv2d
from tensorgrad import conv3d as conv3d
from tensorgrad import conv_transpose1d as conv_transpose1d
from tensorgrad import conv_transpose2d as conv_transpose2d
from tensorgrad import conv_transpose3d as conv_transpose3d
from tensorgrad import cosine_embedding_loss as cosine_embedding_loss
from tensorgrad import cosine_similarity as cosine_similarity
from tensorgrad import cross_entropy as cross_entropy
from tensorgrad import elu as elu
from tensorgrad import embedding as embedding
from tensorgrad import feature_alpha_dropout as feature_alpha_dropout
from tensorgrad import fold as fold
from tensorgrad import gaussian_nll_loss as gaussian_nll_loss
from tensorgrad import gelu as gelu
from tensorgrad import glu as glu
from tensorgrad import group_norm as group_norm
from tensorgrad import gumbel_softmax as gumbel_softmax
from tensorgrad import hardshrink as hardshrink
from tensorgrad import hardsigmoid as hardsigmoid
from tensorgrad import hardswish as hardswish
from tensorgrad import hardtanh as hardtanh
from tensorgrad import hinge_embedding_loss as hinge_embedding_loss
from tensorgrad import huber_loss as huber_loss
from tensorgrad import instance_norm as instance_norm
from tensorgrad import interpolate as interpolate
from tensorgrad import kl_div as kl_div
from tensorgrad import l1_loss as l1_loss
from tensorgrad import layer_norm as layer_norm
from tensorgrad import leaky_relu as leaky_relu
from tensorgrad import linear as linear
from tensorgrad import local_response_norm as local_response_norm
from tensorgrad import log_softmax as log_softmax
from tensorgrad import logsigmoid as logsigmoid
from tensorgrad import lp_pool1d as lp_pool1d
from tensorgrad import lp_pool2d as lp_pool2d
from tensorgrad import lp_pool3d as lp_pool3d
from tensorgrad import margin_ranking_loss as margin_ranking_loss
from tensorgrad import max_pool1d as max_pool1d
from tensorgrad import max_pool2d as max_pool2d
from tensorgrad import max_pool3d as max_pool3d
from tensorgrad import max_unpool1d as max_unpool1d
from tensorgrad import max_unpool2d as max_unpool2d
from tensorgrad import max_unpool3d as max_unpool3d
from tensorgrad import mish as mish
from tensorgrad import mse_loss as mse_loss
from tensorgrad import multi_margin_loss as multi_margin_loss
from tensorgrad import multilabel_margin_loss as multilabel_margin_loss
from tensorgrad import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from tensorgrad import nll_loss as nll_loss
from tensorgrad import normalize as normalize
from tensorgrad import pad as pad
from tensorgrad import pairwise_distance as pairwise_distance
from tensorgrad import pixel_shuffle as pixel_shuffle
from tensorgrad import pixel_unshuffle as pixel_unshuffle
from tensorgrad import poisson_nll_loss as poisson_nll_loss
from tensorgrad import prelu as prelu
from tensorgrad import relu6 as relu6
from tensorgrad import rms_norm as rms_norm
from tensorgrad import rrelu as rrelu
from tensorgrad import selu as selu
from tensorgrad import sigmoid as sigmoid
from tensorgrad import silu as silu
from tensorgrad import smooth_l1_loss as smooth_l1_loss
from tensorgrad import soft_margin_loss as soft_margin_loss
from tensorgrad import softmax as softmax
from tensorgrad import softmin as softmin
from tensorgrad import softplus as softplus
from tensorgrad import softshrink as softshrink
from tensorgrad import softsign as softsign
from tensorgrad import tanh as tanh
from tensorgrad import tanhshrink as tanhshrink
from tensorgrad import threshold as threshold
from tensorgrad import triplet_margin_loss as triplet_margin_loss
from tensorgrad import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from tensorgrad import unfold as unfold

from .overwrite import overwrite as _overwrite

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "celu",
    "channel_shuffle",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "cosine_embedding_loss",
    "cosine_similarity",
    "cross_entropy",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "elu",
    "embedding",
    "feature_alpha_dropout",
    "fold",
    "gaussian_nll_loss",
    "gelu",
    "glu",
    "group_norm",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hinge_embedding_loss",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "logsigmoid",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "margin_ranking_loss",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "mish",
    "mse_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "pairwise_distance",
    "pixel_shuffle",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "soft_margin_loss",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
    "unfold",
]


def relu(input: Any, inplace: bool = False) -> tg.Tensor:
    """max(input, 0). `inplace` is taken for code written for PyTorch, and changes nothing."""
    _check_tensors("relu", input=input)
    result: tg.Tensor = tg.relu(input)
    return result


def one_hot(tensor: Any, num_classes: int = -1) -> tg.Tensor:
    """Labels (...) as int64 (..., num_classes), 1 at the label and 0 elsewhere; -1 is for the largest label + 1.

    Raises LabelError for a label that is not one of 0 to num_classes - 1, DTypeError for one of no integer dtype.
    """
    if not isinstance(tensor, (list, int)):  # of which an array can be made
        _check_tensors("one_hot", tensor=tensor)
    try:
        labels = tensor.data if isinstance(tensor, tg.Tensor) else np.asarray(tensor)
    except ValueError:
        raise tg.DTypeError(f"one_hot: tensor is a list that is no array: {tensor!r}") from None
    if labels.dtype.kind not in "iu":
        raise tg.DTypeError(f"one_hot: tensor has dtype {labels.dtype}, labels are integers")
    whole = isinstance(num_classes, int | np.integer) and not isinstance(num_classes, bool)
    if not whole or (num_classes < 1 and num_classes != -1):
        raise tg.ShapeError(f"one_hot: num_classes must be a positive int, or -1, got {num_classes!r}")
    if num_classes == -1 and not labels.size:
        raise tg.ShapeError("one_hot: without labels, num_classes must be given")
    classes = max(int(labels.max()) + 1, 1) if num_classes == -1 else int(num_classes)
    if classes * max(labels.size, 1) > sys.maxsize // 8:
        raise tg.ShapeError(f"one_hot: no array holds {labels.size} labels of {classes} classes")
    outside = labels[(labels < 0) | (labels >= classes)]
    if outside.size:
        raise tg.LabelError(f"one_hot: label {outside[0]} is out of range for {classes} classes (0 to {classes - 1})")
    return tg.from_numpy((labels[..., None] == np.arange(classes)).astype(np.int64))


def dropout(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> tg.Tensor:
    """`tg.dropout` with PyTorch's signature: `inplace` is taken for code written for PyTorch, and changes nothing."""
    return tg.dropout(input, p, training, generator=generator)


def dropout1d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> tg.Tensor:
    """While training, zero each channel of (N, C, L) or (C, L) with probability `p`, scale the others by 1 / (1 - p).

    As in `tg.dropout`, but with one draw for each channel of each sample. `inplace` changes nothing.
    """
    return _dropout_channels("dropout1d", input, p, training, generator, 1, True)


def dropout2d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> tg.Tensor:
    """While training, zero each channel of (N, C, H, W) with probability `p` and scale the others by 1 / (1 - p).

    As in `tg.dropout`, but with one draw for each channel of each sample. `inplace` changes nothing.
    """
    return _dropout_channels("dropout2d", input, p, training, generator, 2, False)


def dropout3d(
    input: Any,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: np.random.Generator | None = None,
) -> tg.Tensor:
    """While training, zero each channel of volumes with probability `p` and scale the others by 1 / (1 - p).

    Volumes are (N, C, D, H, W) or (C, D, H, W). As in `tg.dropout`, but with one draw for each channel of each sample.
    `inplace` changes nothing.
    """
    return _dropout_channels("dropout3d", input, p, training, generator, 3, True)


def _dropout_channels(
    name: str, input: Any, p: float, training: bool, generator: np.random.Generator | None, rank: int, alone: bool
) -> tg.Tensor:
    """Dropout with one draw a channel; `alone` says whether a sample without a batch is taken."""
    _check_tensors(name, input=input)
    if input.ndim != rank + 2 and not (alone and input.ndim == rank + 1):
        axes = ", ".join("DHW"[3 - rank :] if rank > 1 else "L")
        raise tg.ShapeError(
            f"{name}: input must be (N, C, {axes}){f' or (C, {axes})' if alone else ''}, got {tuple(input.shape)}"
        )
    kept = tg.ones((*input.shape[: input.ndim - rank], *[1] * rank), dtype=input.dtype)
    mask = tg.dropout(kept, p, training, generator=generator)
    result: tg.Tensor = input if mask is kept else input * mask
    return result


def batch_norm(
    input: Any,
    running_mean: tg.Tensor | None,
    running_var: tg.Tensor | None,
    weight: tg.Tensor | None = None,
    bias: tg.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tg.Tensor:
    """Bring each channel of (N, C, ...) to mean 0 and variance 1, then scale by `weight` and shift by `bias`, both (C).

    In training, mean and variance are the batch's, and the running ones (C), if given, move towards them by the share
    `momentum`, in place and unrecorded; into `running_var` goes the unbiased variance, n/(n-1) times the biased one
    that the output is made with. Otherwise the running ones are used, as constants. Raises ShapeError for a channel
    with one value in training, or shapes that do not fit, and DTypeError when input, weight and bias differ in dtype.
    """
    running: dict[str, Any] = {"running_mean": running_mean, "running_var": running_var}
    optional = {"weight": weight, "bias": bias, **running}
    _check_tensors("batch_norm", input=input, **{name: given for name, given in optional.items() if given is not None})
    if not eps >= 0:
        raise tg.ShapeError(f"batch_norm: eps must be at least 0, got {eps!r}")
    if input.dtype.kind != "f":
        raise tg.DTypeError(f"batch_norm: input has dtype {input.dtype}, it must be a float: cast it, with .float()")
    for name, tensor in running.items():
        if tensor is None and not training:
            raise tg.ShapeError(f"batch_norm: {name} is None; without training=True the running statistics are needed")
        if tensor is not None and (input.ndim < 2 or tensor.shape != tuple(input.shape[1:2])):
            raise tg.ShapeError(
                f"batch_norm: {name} has shape {tensor.shape}, input {tuple(input.shape)} does not fit it"
            )
    if training:
        out, mean, var = tg.native_batch_norm(input, weight, bias, eps)
        count = math.prod(input.shape) // max(input.shape[1], 1)
        if count:
            _move(running_mean, mean.data, momentum)
            with np.errstate(over="ignore"):  # a variance beyond float32 becomes inf
                _move(running_var, var.data * (count / (count - 1)), momentum)
        return out
    assert running_mean is not None
    assert running_var is not None
    for name, tensor in (("weight", weight), ("bias", bias)):
        if tensor is not None and tensor.dtype != input.dtype:
            raise tg.DTypeError(f"batch_norm: input has dtype {input.dtype}, {name} {tensor.dtype}; cast one of them")
        if tensor is not None and tensor.shape != running_mean.shape:
            raise tg.ShapeError(
                f"batch_norm: {name} has shape {tensor.shape}, input {tuple(input.shape)} takes {running_mean.shape}"
            )
    scale = tg.from_numpy((1 / np.sqrt(running_var.data + eps)).astype(input.dtype))
    scale = scale if weight is None else weight * scale
    shift = tg.from_numpy(-running_mean.data.astype(input.dtype)) * scale
    return tg.affine_channel(input, scale, shift if bias is None else bias + shift)


def _check_tensors(name: str, **values: Any) -> None:
    """Raise unless all are tensors or arrays: not numbers, lists or None."""
    for key, value in values.items():
        if not isinstance(value, (tg.Tensor, np.ndarray, np.generic)):
            kind = type(value).__name__
            told = "None" if value is None else f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
            raise tg.DTypeError(f"{name}: {key} is {told}, not a tensor or an array")


def _move(running: tg.Tensor | None, now: np.ndarray, momentum: float) -> None:
    if running is not None and not tg.func.is_recomputing():  # a checkpoint's second run is not another batch
        _overwrite(running, (1 - momentum) * running.data + momentum * now)
