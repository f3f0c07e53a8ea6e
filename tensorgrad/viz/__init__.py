from .arguments import DrawingError as DrawingError
from .capture import graph as graph
from .diff import Change as Change
from .diff import Difference as Difference
from .diff import GraphDiff as GraphDiff
from .diff import diff as diff
from .options import Options as Options
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
from .rewind import rewind_generators as rewind_generators
from .rewind import rewind_tensors as rewind_tensors
from .steps import BackwardStep as BackwardStep
from .steps import BackwardSteps as BackwardSteps
from .steps import Contribution as Contribution
from .steps import backward_steps as backward_steps
from .view import GraphView as GraphView

__all__ = [
    "BackwardStep",
    "BackwardSteps",
    "Change",
    "Contribution",
    "Difference",
    "DrawingError",
    "EdgeView",
    "GraphDiff",
    "GraphView",
    "ModuleView",
    "NodeView",
    "Options",
    "OutputView",
    "Picture",
    "Preview",
    "Recording",
    "ResultView",
    "SavedView",
    "Stats",
    "TensorView",
    "backward_steps",
    "diff",
    "graph",
    "record",
    "rewind_generators",
    "rewind_tensors",
]
