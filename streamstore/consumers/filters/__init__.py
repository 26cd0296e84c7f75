"""Filter patterns: EventBridge's grammar over the records of a stream, as Lambda's filters use it.

    tree        what a pattern says: objects, fields, alternatives, conditions
    reading     a pattern's JSON into that tree, or why it is none, in EventBridge's words
    letters     equals-ignore-case's idea of a letter
    wildcards   the * of a wildcard
    operators   one condition on one value: prefix, numeric, cidr, anything-but …
    matching    a tree as closures, for the hot path
    weighing    the exact rule, for arrays that meet `exists: false` and for dotted names
    explaining  which condition failed, for people
    pattern     compile_pattern, compile_filters

A record is in Lambda's form (numbers of items are strings, binary is base64 text), and every field
of it may be filtered on, not `dynamodb` alone. Where the service's documentation leaves room:

- Numbers compare as IEEE doubles, so 300.0 is 300.
- A name with dots is a path: "a.b" and {"a": {"b": …}} say the same, in patterns and in records.
- An object of a pattern is judged against one element of an array at a time, its $or included;
  one path written twice in a pattern is two conditions.
- `exists: false` on something in an array holds in the element that the conditions beside it
  chose, and in all elements if there are none.

Must not know: stores, mappings, delivery. Nothing here does any I/O.
"""

from __future__ import annotations

from ...errors import PatternInvalid
from .explaining import Explanation, Unmet
from .pattern import Pattern, compile_filters, compile_pattern

__all__ = [
    "Explanation",
    "Pattern",
    "PatternInvalid",
    "Unmet",
    "compile_filters",
    "compile_pattern",
]
