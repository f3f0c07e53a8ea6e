import os as _os

import tensorgrad as _tg

from . import data as data
from . import functional as functional
from . import init as init
from . import io as io
from . import optim as optim
from . import schedule as schedule
from . import train as train
from .activation import LogSoftmax as LogSoftmax
from .activation import ReLU as ReLU
from .activation import Sigmoid as Sigmoid
from .activation import Softmax as Softmax
from .activation import Tanh as Tanh
from .container import ModuleDict as ModuleDict
from .container import ModuleList as ModuleList
from .container import Sequential as Sequential
from .conv import Conv2d as Conv2d
from .dropout import Dropout as Dropout
from .errors import DataError as DataError
from .errors import MissingFileError as MissingFileError
from .errors import StateError as StateError
from .flatten import Flatten as Flatten
from .io import save as save
from .linear import Identity as Identity
from .linear import Linear as Linear
from .loss import CrossEntropyLoss as CrossEntropyLoss
from .module import Module as Module
from .module import Parameter as Parameter
from .norm import BatchNorm1d as BatchNorm1d
from .norm import BatchNorm2d as BatchNorm2d
from .pool import MaxPool2d as MaxPool2d
from .summary import summary as summary
from .weights import load as load

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "CrossEntropyLoss",
    "DataError",
    "Dropout",
    "Flatten",
    "Identity",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "MissingFileError",
    "Module",
    "ModuleDict",
    "ModuleList",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "StateError",
    "Tanh",
    "data",
    "functional",
    "init",
    "io",
    "load",
    "optim",
    "save",
    "schedule",
    "summary",
    "train",
]

# What a layer records is the line that called the layer, not the line inside it.
_tg.hide_frames(_os.path.dirname(__file__))
