"""Checks: are gradients right, and where do bad values come from?"""

from ..primitive import set_verifier as _set_verifier
from .anomaly import detect_anomaly as detect_anomaly
from .errors import AnomalyError as AnomalyError
from .errors import GradcheckError as GradcheckError
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck
from .verify import verify as verify
from .verify import verify_first_call as _verify_first_call

_set_verifier(_verify_first_call)

__all__ = ["AnomalyError", "GradcheckError", "detect_anomaly", "gradcheck", "gradgradcheck", "verify"]
