"""The parameters that came before expressions (spec J): Expected and the filters, AttributeUpdates,
KeyConditions.

    arguments   operators with their values: how many, of which types
    conditions  Expected, QueryFilter, ScanFilter and ConditionalOperator -> Condition
    updates     AttributeUpdates -> Update
    keys        KeyConditions -> KeyConditionTree

They are another spelling of the same things, so each is built of the same trees and judged by the
same rules as an expression; nothing behind this room knows which it was. They name whole
attributes only: a dot is a character of the name. Which of them go together, and with what, is
checked in operations before.
"""

from .conditions import read_expected, read_filter
from .keys import read_key_conditions
from .updates import read_updates

__all__ = ["read_expected", "read_filter", "read_key_conditions", "read_updates"]
