"""The operations that are methods of a tensor: the functions themselves, with the tensor as their first argument.

What a method does, and what it takes, stands at the function: `x.sin()` is `tg.sin(x)`, as in PyTorch. Those that
differ from their function, as `x.view(2, 3)`, are written out in `tensor.py`, as are operators and what changes a
tensor in place.
"""

from __future__ import annotations

from . import sampling
from .node import TensorBase
from .ops import (
    activation,
    added_products,
    aliases,
    arrange,
    elementwise,
    exponential,
    extrema,
    extremes,
    index,
    indexing,
    linalg,
    log_sums,
    logic,
    masked,
    matrix_functions,
    piecewise,
    products,
    reduce,
    rounding,
    scans,
    search,
    shape,
    sorting,
    spread,
    statistics,
    triangle,
    trigonometric,
)
from .ops import inverse as inverses
from .ops import repeat as repeating
from .ops import scatter as scatters
from .ops import split as splitting
from .primitive import clone as copied


class Methods(TensorBase):
    """What Tensor inherits its operations from."""

    __slots__ = ()

    # Element by element
    abs = elementwise.abs
    absolute = aliases.absolute
    acos = trigonometric.acos
    acosh = trigonometric.acosh
    add = elementwise.add
    addcdiv = exponential.addcdiv
    addcmul = exponential.addcmul
    arccos = trigonometric.arccos
    arccosh = trigonometric.arccosh
    arcsin = trigonometric.arcsin
    arcsinh = trigonometric.arcsinh
    arctan = trigonometric.arctan
    arctan2 = trigonometric.arctan2
    arctanh = trigonometric.arctanh
    asin = trigonometric.asin
    asinh = trigonometric.asinh
    atan = trigonometric.atan
    atan2 = trigonometric.atan2
    atanh = trigonometric.atanh
    ceil = rounding.ceil
    clamp = extremes.clamp
    clamp_max = extremes.clamp_max
    clamp_min = extremes.clamp_min
    clip = aliases.clip
    copysign = logic.copysign
    cos = trigonometric.cos
    cosh = trigonometric.cosh
    deg2rad = trigonometric.deg2rad
    div = rounding.div
    divide = aliases.divide
    erf = elementwise.erf
    erfc = elementwise.erfc
    erfinv = exponential.erfinv
    exp = elementwise.exp
    exp2 = exponential.exp2
    expm1 = exponential.expm1
    fix = aliases.fix
    floor = rounding.floor
    floor_divide = rounding.floor_divide
    fmax = extremes.fmax
    fmin = extremes.fmin
    fmod = rounding.fmod
    frac = rounding.frac
    heaviside = logic.heaviside
    hypot = trigonometric.hypot
    lerp = exponential.lerp
    log = elementwise.log
    log10 = exponential.log10
    log1p = elementwise.log1p
    log2 = exponential.log2
    logaddexp = exponential.logaddexp
    logaddexp2 = exponential.logaddexp2
    logit = exponential.logit
    maximum = extremes.maximum
    minimum = extremes.minimum
    mul = elementwise.mul
    multiply = aliases.multiply
    nan_to_num = extremes.nan_to_num
    neg = elementwise.neg
    negative = aliases.negative
    positive = logic.positive
    pow = elementwise.pow
    rad2deg = trigonometric.rad2deg
    reciprocal = exponential.reciprocal
    remainder = rounding.remainder
    round = rounding.round
    rsqrt = exponential.rsqrt
    sgn = aliases.sgn
    sign = elementwise.sign
    signbit = logic.signbit
    sin = trigonometric.sin
    sinc = trigonometric.sinc
    sinh = trigonometric.sinh
    sqrt = elementwise.sqrt
    square = exponential.square
    sub = elementwise.sub
    subtract = aliases.subtract
    tan = trigonometric.tan
    true_divide = aliases.true_divide
    trunc = rounding.trunc
    xlogy = exponential.xlogy

    # Activations
    hardshrink = piecewise.hardshrink
    log_softmax = activation.log_softmax
    prelu = activation.prelu
    relu = activation.relu
    sigmoid = activation.sigmoid
    softmax = activation.softmax
    tanh = activation.tanh

    # Comparisons and logic
    allclose = logic.allclose
    bitwise_and = elementwise.bitwise_and
    bitwise_left_shift = logic.bitwise_left_shift
    bitwise_not = elementwise.bitwise_not
    bitwise_or = elementwise.bitwise_or
    bitwise_right_shift = logic.bitwise_right_shift
    bitwise_xor = elementwise.bitwise_xor
    eq = elementwise.eq
    equal = logic.equal
    ge = elementwise.ge
    greater = aliases.greater
    greater_equal = aliases.greater_equal
    gt = elementwise.gt
    isclose = logic.isclose
    isfinite = logic.isfinite
    isinf = logic.isinf
    isnan = logic.isnan
    isneginf = logic.isneginf
    isposinf = logic.isposinf
    le = elementwise.le
    less = aliases.less
    less_equal = aliases.less_equal
    logical_and = elementwise.logical_and
    logical_not = elementwise.logical_not
    logical_or = elementwise.logical_or
    logical_xor = logic.logical_xor
    lt = elementwise.lt
    ne = elementwise.ne
    not_equal = aliases.not_equal

    # Reductions and scans
    all = statistics.all
    amax = extrema.amax
    amin = extrema.amin
    aminmax = extrema.aminmax
    any = statistics.any
    argmax = extrema.argmax
    argmin = extrema.argmin
    argsort = sorting.argsort
    count_nonzero = statistics.count_nonzero
    cummax = extrema.cummax
    cummin = extrema.cummin
    cumprod = scans.cumprod
    cumsum = scans.cumsum
    kthvalue = sorting.kthvalue
    logcumsumexp = log_sums.logcumsumexp
    logsumexp = log_sums.logsumexp
    max = extrema.max
    mean = reduce.mean
    median = sorting.median
    min = extrema.min
    nanmean = statistics.nanmean
    nanmedian = sorting.nanmedian
    nansum = statistics.nansum
    prod = scans.prod
    sort = sorting.sort
    std = statistics.std
    sum = reduce.sum
    topk = sorting.topk
    unique = sorting.unique
    var = statistics.var

    # Shape
    broadcast_to = shape.broadcast_to
    chunk = splitting.chunk
    clone = copied
    diag = triangle.diag
    diag_embed = triangle.diag_embed
    diagflat = triangle.diagflat
    diagonal = triangle.diagonal
    dsplit = splitting.dsplit
    expand = spread.expand
    expand_as = spread.expand_as
    flatten = shape.flatten
    fliplr = arrange.fliplr
    flipud = arrange.flipud
    hsplit = splitting.hsplit
    moveaxis = arrange.moveaxis
    movedim = arrange.movedim
    narrow = splitting.narrow
    permute = shape.permute
    ravel = arrange.ravel
    repeat = repeating.repeat
    repeat_interleave = repeating.repeat_interleave
    reshape = shape.reshape
    reshape_as = arrange.reshape_as
    roll = arrange.roll
    rot90 = arrange.rot90
    select = splitting.select
    split = splitting.split
    squeeze = shape.squeeze
    swapaxes = arrange.swapaxes
    swapdims = arrange.swapdims
    t = shape.t
    tensor_split = splitting.tensor_split
    transpose = shape.transpose
    tril = triangle.tril
    triu = triangle.triu
    unbind = splitting.unbind
    unflatten = arrange.unflatten
    unsqueeze = shape.unsqueeze
    view_as = arrange.view_as
    vsplit = splitting.vsplit

    # Indexing
    argwhere = masked.argwhere
    bincount = search.bincount
    gather = indexing.gather
    index_add = index.index_add
    index_copy = index.index_copy
    index_fill = index.index_fill
    index_put = index.index_put
    index_select = index.index_select
    masked_fill = masked.masked_fill
    masked_scatter = masked.masked_scatter
    masked_select = masked.masked_select
    nonzero = masked.nonzero
    put = index.put
    scatter = scatters.scatter
    scatter_add = scatters.scatter_add
    scatter_reduce = scatters.scatter_reduce
    take = index.take
    take_along_dim = index.take_along_dim

    # Random numbers
    bernoulli = sampling.bernoulli
    multinomial = sampling.multinomial

    # Linear algebra
    addbmm = added_products.addbmm
    addmm = added_products.addmm
    addmv = added_products.addmv
    addr = added_products.addr
    baddbmm = added_products.baddbmm
    bmm = products.bmm
    cholesky = matrix_functions.cholesky
    cross = products.cross
    det = matrix_functions.det
    dot = products.dot
    inner = products.inner
    inverse = matrix_functions.inverse
    kron = products.kron
    logdet = matrix_functions.logdet
    matmul = linalg.matmul
    matrix_power = inverses.matrix_power
    mm = products.mm
    mv = products.mv
    norm = matrix_functions.norm
    outer = products.outer
    slogdet = matrix_functions.slogdet
    trace = products.trace
    vdot = products.vdot
