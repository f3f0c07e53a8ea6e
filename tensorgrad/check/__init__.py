from .errors import GradcheckError as GradcheckError
from .gradcheck import gradcheck as gradcheck
from .gradcheck import gradgradcheck as gradgradcheck

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]
