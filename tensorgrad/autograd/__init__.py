from ..check import detect_anomaly as detect_anomaly
from ..check import gradcheck as gradcheck
from ..check import gradgradcheck as gradgradcheck
from ..graph import grad as grad
from ..modes import enable_grad as enable_grad
from ..modes import no_grad as no_grad
from ..modes import set_grad_enabled as set_grad_enabled
from .function import Function as Function
from .function import FunctionCtx as FunctionCtx
from .walks import backward as backward

__all__ = [
    "Function",
    "FunctionCtx",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "no_grad",
    "set_grad_enabled",
]
