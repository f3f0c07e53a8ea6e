"""What the checks raise."""

from __future__ import annotations

from ..errors import GradientError


class GradcheckError(GradientError):
    """A gradient that is wrong, or that could not be checked. `kind` says which, in a word or two.

    "wrong", "kink", "rounding", "non-finite", "not linear", "nondeterministic", "mutation", "shape"; from `verify` the
    law that is broken: "dtype", "purity", "memory", "linearity", "adjoint", "second order", "composition".
    """

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


class AnomalyError(GradientError):
    """Anomaly mode met a value that is not finite, or a saved array that was written to behind the engine's back."""
