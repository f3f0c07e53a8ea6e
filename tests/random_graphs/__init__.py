"""Random graphs: short programs over many kinds of operation, drawn by a seed, as text that both engines run.

A program (program.py) is a list of lines such as `t7 = m.where(t3 > t5, t3, t6)`; `m` is tensorgrad or torch, `F` its
functional module. The generator (builder.py) runs each line as it draws it, for it must know shapes and values: domains
(a logarithm gets what is positive), sizes (what grows too large or too small is scaled by a number in a line of its
own), and kinks.

A kink is a place where a derivative jumps: relu at 0, max at a tie. Each kind of operation that has one (kinds.py,
kinds_of_shapes.py) says how far its inputs are from it (kinks.py). A step closer than MARGIN is drawn again, and
counted in `redraws`. So differences of values (differences.py) cross no kink.
"""

from .builder import draw_program
from .differences import first_order, report, second_order
from .kinds_of_shapes import KINDS
from .program import Program, shrunk

__all__ = ["KINDS", "Program", "draw_program", "first_order", "report", "second_order", "shrunk"]
