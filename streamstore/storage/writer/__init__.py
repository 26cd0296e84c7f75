"""Group commit: whoever holds the writer's lock leads, and commits for all who wait.

flight    a unit on its way, the group in flight, the lock attempt: data, and what each state
means commit    one group under the lock: begin, apply, commit, and every way it can end writer
the queue in front of it: asking for a write, waiting, leading, other work under the lock
"""

from __future__ import annotations

from .flight import Group, Outcome, Unit
from .writer import Writer

__all__ = ["Group", "Outcome", "Unit", "Writer"]
