"""Shapes of requests: what each operation's parameters look like, and the one check that all of
them pass.

model.json      generated from botocore by generate.py: shapes, bounds, enums
orders.py       kept by hand: orders, tightened bounds, members the model doesn't know
nodes.py        the tree of one operation's parameters, both laid over each other
fast.py         the straight path for valid requests
convert.py      types, first error wins (spec A.2)
violations.py   constraints, all of them in one envelope (spec B.2)
texts.py        the words
check.py        the door

This room knows nothing of tables that exist, of keys or of expressions: only what one request says
by itself.
"""

from .check import check, checker

__all__ = ["check", "checker"]
