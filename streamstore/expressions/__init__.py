"""The expression language of DynamoDB: a pure language over canonical values.

    tree            nodes of parsed expressions; paths, items and values as types
    tokens          text -> tokens
    grammar         tokens -> tree; syntax errors
    reserved        the reserved words
    words           the first look: faults of the text alone; the table of functions
    paths           following paths; many paths as one tree
    conditions      trees -> programs that judge items; the rules of comparison
    checks          the second look: faults with names and values at hand
    updates         what an item becomes
    projections     parts of an item
    key_conditions  which range of a key a Query means
    binding         all of it for one request, with caches
    legacy          the parameters that expressions replaced
    partiql         statements, whose conditions and updates become trees of the same kind

`bind` is the door. It knows nothing of tables, keys or requests: what is a key attribute, which
index is asked and when an expression is wanted at all is judged in operations and engine.
"""

from .binding import Bound, bind
from .conditions import Condition
from .key_conditions import KeyConditionTree, KeyPart, KeyRange
from .projections import Projection
from .tree import Path
from .updates import Update, Updated

__all__ = [
    "Bound",
    "Condition",
    "KeyConditionTree",
    "KeyPart",
    "KeyRange",
    "Path",
    "Projection",
    "Update",
    "Updated",
    "bind",
]
