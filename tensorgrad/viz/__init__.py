from .capture import graph as graph
from .parts import EdgeView as EdgeView
from .parts import ModuleView as ModuleView
from .parts import NodeView as NodeView
from .parts import OutputView as OutputView
from .parts import Picture as Picture
from .parts import Preview as Preview
from .parts import ResultView as ResultView
from .parts import SavedView as SavedView
from .parts import Stats as Stats
from .parts import TensorView as TensorView
from .record import Recording as Recording
from .record import record as record
from .render import DrawingError as DrawingError
from .view import GraphView as GraphView

__all__ = [
    "DrawingError",
    "EdgeView",
    "GraphView",
    "ModuleView",
    "NodeView",
    "OutputView",
    "Picture",
    "Preview",
    "Recording",
    "ResultView",
    "SavedView",
    "Stats",
    "TensorView",
    "graph",
    "record",
]
