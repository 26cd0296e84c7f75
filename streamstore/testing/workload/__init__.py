"""A workload that does everything that writes, step by step, with a model beside it.

Each step is one act on a store, and what the model learns from it once the store has said that it
is done. A step that the store refuses, or does not answer, teaches nothing; whoever runs it keeps
both models then. Acts that commit in several groups (ticks, compaction) change nothing that the
model knows in more than one of them.

The plan depends on the seed alone. Only step numbers, never the clock or the machine, decide what
is written.
"""

from .life import FILE, Life
from .plan import KINDS, Workload
from .step import Step, nothing

__all__ = ["FILE", "KINDS", "Life", "Step", "Workload", "nothing"]
