"""Where our result is not PyTorch's, and why. Every entry must go on being true: what is refused must raise, and an
entry of KNOWN must meet a sample that differs.

An entry is {name in the database: [(which calls, a sentence), ...]}.
"""

import torch


def always(call):
    return True


def integers(call):
    """Whether no float is among the arguments: where PyTorch counts on in integers."""
    return not call.dtype.is_floating_point


def option(name, holds=lambda value: True):
    return lambda call: name in call.theirs[1] and holds(call.theirs[1][name])


def scalar_input(call):
    return call.theirs[0][0].ndim == 0


FLOATS = "It is arithmetic of floats here: integers are to be cast by the caller, so that no rounding is hidden."
NEGATIVE = "A negative eps can make the root that of a negative number, so it is refused."
FRACTION = "PyTorch cuts a fraction off a factor of integers, beta=0.2 to 0; it is refused."
UNSIGNED = "A negative number is none of dtype uint8; PyTorch lets it wrap around."

# What raises one of our errors where PyTorch answers.
REFUSED = {
    name: [(integers, FLOATS)]
    for name in (
        "nn.functional.avg_pool1d",
        "nn.functional.avg_pool2d",
        "nn.functional.avg_pool3d",
        "nn.functional.bilinear",
        "nn.functional.conv1d",
        "nn.functional.conv2d",
        "nn.functional.conv3d",
        "nn.functional.conv_transpose1d",
        "nn.functional.conv_transpose2d",
        "nn.functional.conv_transpose3d",
        "nn.functional.cosine_embedding_loss",
        "nn.functional.feature_alpha_dropout.without_train",
        "nn.functional.interpolate.bicubic",
        "nn.functional.interpolate.bilinear",
        "nn.functional.linear",
        "nn.functional.local_response_norm",
        "nn.functional.margin_ranking_loss",
        "nn.functional.pairwise_distance",
        "nn.functional.poisson_nll_loss",
        "nn.functional.triplet_margin_loss",
        "nn.functional.triplet_margin_with_distance_loss",
        "nn.functional.unfold",
    )
}
REFUSED |= {
    name: [(lambda call: integers(call) and any(v % 1 for v in call.theirs[1].values()), FRACTION)]
    for name in ("addbmm", "addmv", "baddbmm")
}
REFUSED |= {
    name: [(option("eps", lambda eps: eps < 0), NEGATIVE)]
    for name in ("nn.functional.group_norm", "nn.functional.layer_norm", "nn.functional.rms_norm")
}
REFUSED |= {
    name: [(lambda call: call.dtype == torch.uint8 and call.theirs[1].get("alpha", 1) < 0, UNSIGNED)]
    for name in ("add", "index_add", "sub")
}
REFUSED["full_like"] = [
    (lambda call: call.dtype == torch.uint8 and call.theirs[0][1] < 0 and "dtype" not in call.theirs[1], UNSIGNED)
]
REFUSED |= {
    "__rpow__": [
        (
            lambda call: integers(call) and call.dtype.is_signed and bool((call.theirs[0][0] < 0).any()),
            "An integer to a negative power is no integer; PyTorch gives 0 for it, but raises where the power is a "
            "number.",
        )
    ],
    "gather": [
        (
            lambda call: max(call.theirs[0][2].ndim, 1) != max(call.theirs[0][0].ndim, 1),
            "An index has the axes of the input; PyTorch does not look at those of an empty one.",
        )
    ],
    "native_batch_norm": [
        (always, "Our function of this name is the normalisation of a training step alone, without running statistics.")
    ],
    "nn.functional.batch_norm": [
        (
            lambda call: call.theirs[0][0].ndim < 2,
            "An input of one axis has no channels; PyTorch takes it as long as it is empty.",
        )
    ],
    "nn.functional.dropout2d": [
        (
            lambda call: call.theirs[0][0].ndim == 3,
            "PyTorch warns that it takes three axes as (N, C, L) here, and will not; dropout1d does that.",
        )
    ],
    "nn.functional.multi_margin_loss": [(scalar_input, "A number is no score of classes: one class alone is (1,).")],
    "nn.functional.multilabel_margin_loss": [
        (scalar_input, "A number is no score of classes: one class alone is (1,).")
    ],
}


def named_twice(rank):
    """Whether two values of a channel go to one place."""

    def holds(call):
        indices = call.theirs[0][1].flatten(-rank).sort(-1).values
        return bool((indices[..., 1:] == indices[..., :-1]).any())

    return holds


def fractions(call):
    """Whether integers are made of numbers that are none."""
    numbers = [*call.theirs[0], call.theirs[1].get("end", 0)]
    return integers(call) and any(float(v) % 1 for v in numbers)


# What gives something else than PyTorch.
KNOWN = {
    f"nn.functional.max_unpool{rank}d": [
        (named_twice(rank), "PyTorch gives the gradient of a place named twice to both values, ours to the one there.")
    ]
    for rank in (1, 2, 3)
}
KNOWN |= {
    name: [(fractions, "PyTorch cuts start, end and step off to integers before it counts, ours the values it gives.")]
    for name in ("arange", "linspace", "linspace.tensor_overload", "logspace", "logspace.tensor_overload")
}
KNOWN |= {
    "addr": [
        (
            lambda call: call.dtype == torch.bool and "beta" in call.theirs[1],
            "Booleans times integers are integers; PyTorch makes booleans of beta and alpha first.",
        )
    ],
    "einsum": [
        (
            lambda call: call.dtype in (torch.uint8, torch.int8, torch.int16, torch.int32),
            "PyTorch gives int64 for the equations that it sums before it multiplies, else the small integers' dtype; "
            "here it is that one.",
        )
    ],
    "linalg.norm": [
        (
            lambda call: call.theirs[0][0].shape == (0,) and call.theirs[0][1:2] == (3.5,),
            "The slope at a norm of 0 is 0 here at every order; PyTorch's second is nan.",
        )
    ],
    "linalg.svd": [
        (
            lambda call: call.theirs[1]["full_matrices"] and len({*call.theirs[0][0].shape[-2:]}) == 2,
            "What comes to the further columns of U or rows of Vh raises here; PyTorch leaves it out, 0 or not.",
        )
    ],
    "linalg.norm.subgradients_at_zero": [
        (always, "The slope at a norm of 0 is 0 here at every order; PyTorch's second is nan, that of nuc not 0.")
    ],
    "nn.functional.binary_cross_entropy": [
        (
            lambda call: call.dtype == torch.float64,
            "PyTorch adds 1e-12 to a denominator of its second derivative, x * (1 - x) + 1e-12; ours is exact.",
        )
    ],
    "nn.functional.hardsigmoid": [
        (lambda call: call.dtype == torch.float64, "The slope 1/6 of PyTorch has the digits of float32 in any dtype.")
    ],
    "nn.functional.normalize": [
        (
            lambda call: call.theirs[1] == {"p": 0.5, "dim": 0},
            "Along an axis of one value the second derivative is 0, exactly so here; PyTorch leaves roundings.",
        )
    ],
    "nn.functional.softmin.with_dtype": [
        (
            lambda call: call.dtype == torch.uint8,
            "PyTorch takes the negative in uint8, where it wraps around; ours is that of the cast values.",
        )
    ],
    "sinc": [
        (
            lambda call: not call.dtype.is_floating_point,
            "At whole numbers sinc is 0 here; PyTorch gives sin of pi rounded to float32, up to 4e-8.",
        )
    ],
}


def number_operand(call):
    return any(isinstance(operand, int) for operand in call.theirs[0])


NUMBERS = "An operand may be a number in either place; PyTorch wants a tensor in one of them, or in both."

# What PyTorch raises an error for and we answer.
ALLOWED = {
    "nn.functional.max_pool1d": [
        (lambda call: call.theirs[0][0].shape == (0, 10), "An image of no channels has pooled ones of no channels.")
    ],
    "nn.functional.max_pool3d": [
        (lambda call: call.theirs[0][0].shape == (0, 1, 2, 10), "An image of no channels has pooled ones of none.")
    ],
    "roll": [
        (lambda call: call.theirs[0][0].ndim == 0, "A tensor of no axes counts as one of one axis, as elsewhere.")
    ],
}
ALLOWED |= {
    name: [(number_operand, NUMBERS)]
    for name in (
        "__radd__",
        "__rand__",
        "__rmul__",
        "__ror__",
        "__rxor__",
        "atan2",
        "bitwise_and",
        "bitwise_left_shift",
        "bitwise_or",
        "bitwise_right_shift",
        "bitwise_xor",
        "clamp_max",
        "clamp_min",
        "copysign",
        "eq",
        "fmax",
        "fmin",
        "fmod",
        "ge",
        "gt",
        "heaviside",
        "hypot",
        "le",
        "logaddexp",
        "logical_and",
        "logical_or",
        "logical_xor",
        "lt",
        "maximum",
        "minimum",
        "ne",
        "pow",
        "remainder",
        "xlogy",
    )
}


# Whose values are drawn at random, or whatever the memory held: shapes and dtypes are compared.
def training(call):
    return call.theirs[1].get("training", True) and 0 < call.theirs[1].get("p", 0.5) < 1


DRAWN = {
    "bernoulli": always,
    "empty": always,
    "empty_like": always,
    "multinomial": always,
    "new_empty": always,
    "nn.functional.alpha_dropout": training,
    "nn.functional.dropout": training,
    "nn.functional.dropout2d": training,
    "nn.functional.dropout3d": training,
    "nn.functional.feature_alpha_dropout.with_train": training,
    "nn.functional.rrelu": training,
    "normal": always,
    "normal.number_mean": always,
    "rand_like": always,
    "randint": always,
    "randint_like": always,
    "randn": always,
    "randn_like": always,
}

# Whose results hold the places of values: which of equal ones, PyTorch does not say. {name: number of the argument dim}
PLACES = {"argsort": 1, "kthvalue": 2, "median": 1, "nanmedian": 1, "sort": 1, "topk": 2}


def settled(name, call, input):
    """A function of results that makes them independent of the choices of an algorithm: of signs of vectors, as the
    sample itself says, or of places among equal values, for which those values stand.
    """
    if name not in PLACES or call.dtype.is_floating_point or call.theirs[1].get("stable") or not input.ndim:
        return call.process
    positional, named = call.theirs[0], call.theirs[1]
    dim = positional[PLACES[name]] if len(positional) > PLACES[name] else named.get("dim", -1)

    def values(result):
        if isinstance(result, tuple | list):
            return result[0], values(result[1])
        if name in ("median", "nanmedian") and "dim" not in named and len(positional) == 1:
            return result
        return input.gather(dim, result if result.ndim == input.ndim else result.unsqueeze(dim))

    return values
