from .evaluate import layer_outputs as layer_outputs
from .evaluate import predict as predict
from .metrics import Confusion as Confusion
from .metrics import accuracy as accuracy
from .metrics import confusion_matrix as confusion_matrix
from .metrics import most_confused as most_confused

__all__ = ["Confusion", "accuracy", "confusion_matrix", "layer_outputs", "most_confused", "predict"]
