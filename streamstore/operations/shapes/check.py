"""The one door for validation of shapes: types (spec A.2), then declared constraints (spec B.2),
then a clean request.

What comes out holds only members that the model knows and that are not null, each of the right
type; maps of attribute values are codec Readings, single attribute values likewise. Value faults
(spec D) are in the Readings, not raised: they come later in the service's order.

Both doors enter here: `base64_binary` True for requests off the wire, False for embedded calls.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ...errors import SerializationFailed
from .convert import convert
from .fast import Doubt, structure_parts
from .nodes import tree
from .violations import refuse_violations

Checker = Callable[[Any], dict[str, Any]]

# What the straight path may stumble over: its own doubt, a type error whose order is not known yet,
# an unhashable value where a string belongs, parameters that are no dict, a lone surrogate.
_STUMBLES = (Doubt, SerializationFailed, TypeError, AttributeError, UnicodeEncodeError)


def check(operation: str, params: Any, base64_binary: bool) -> dict[str, Any]:
    """The request as the operation's prepare takes it.

    SerializationFailed for the first wrong type, ValidationFailed with all violations; KeyError for
    an operation that the model doesn't have.
    """
    return checker(operation, base64_binary)(params)


@lru_cache(maxsize=128)
def checker(operation: str, base64_binary: bool) -> Checker:
    """`check` for one operation, compiled."""
    readers, required = structure_parts(tree(operation), base64_binary)

    def read(params: Any) -> dict[str, Any]:
        try:
            out = {}
            for name, given in params.items():
                if given is not None and name in readers:
                    out[name] = readers[name](given)
            for name in required:
                if name not in out:
                    break
            else:
                return out
        except _STUMBLES:
            pass
        return check_slowly(operation, params, base64_binary)

    return read


def check_slowly(operation: str, params: Any, base64_binary: bool) -> dict[str, Any]:
    """`check` by the walkers that know every text and order; the straight path must agree with
    it.
    """
    if not isinstance(params, dict):
        raise SerializationFailed
    node = tree(operation)
    converted: dict[str, Any] = convert(node, params, base64_binary)
    refuse_violations(operation, node, converted)
    return converted
