"""Second names of operations, those that PyTorch documents: the same objects, so that there is one of each."""

from __future__ import annotations

from .elementwise import abs, ge, gt, le, lt, mul, ne, neg, sign, sub
from .extremes import clamp
from .rounding import div, trunc

absolute = abs
clip = clamp
divide = div
fix = trunc
greater = gt
greater_equal = ge
less = lt
less_equal = le
multiply = mul
negative = neg
not_equal = ne
sgn = sign  # of real numbers; PyTorch's sgn is for complex ones too
subtract = sub
true_divide = div
