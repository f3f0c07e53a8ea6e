from .checkpoint import Checkpoint as Checkpoint
from .checkpoint import load_checkpoint as load_checkpoint
from .checkpoint import previous_checkpoint as previous_checkpoint
from .checkpoint import save_checkpoint as save_checkpoint
from .evaluate import layer_outputs as layer_outputs
from .evaluate import predict as predict
from .interrupt import Interrupt as Interrupt
from .interrupt import hold_interrupt as hold_interrupt
from .metrics import Confusion as Confusion
from .metrics import accuracy as accuracy
from .metrics import confusion_matrix as confusion_matrix
from .metrics import most_confused as most_confused

__all__ = [
    "Checkpoint",
    "Confusion",
    "Interrupt",
    "accuracy",
    "confusion_matrix",
    "hold_interrupt",
    "layer_outputs",
    "load_checkpoint",
    "most_confused",
    "predict",
    "previous_checkpoint",
    "save_checkpoint",
]
