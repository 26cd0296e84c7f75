"""Checking a store: every invariant of the reliability page that a file alone can show.

    report = check("store.db")              # read-only, beside the owner if it has one
    check_transaction(rx)                   # any read transaction or connection: [] is well

It reads rows as they are, one at a time, and has an account of its own of what they should be; it
writes nothing, repairs nothing, and asks the engine only for the forms of packed definitions.
"""

from .check import check, check_transaction
from .findings import CODES, Report, Violation

__all__ = ["CODES", "Report", "Violation", "check", "check_transaction"]
