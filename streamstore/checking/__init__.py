"""Checking a store: every invariant of the reliability page that a file alone can show.

    report = check("store.db")              # read-only, beside the owner if it has one
    check_transaction(rx)                   # any read transaction or connection: [] is well

    check       a whole check: the order of the parts, and who is told of progress
    structure   the file as SQLite's, and rows without owners
    picture     the catalogue: tables, streams, shards, as the other parts see them
    tables      items, and what hangs on them
    shards      partitions and shards as rows
    records     records one by one
    chain       the stream against the table
    shapes      what one row must be, from what it holds
    memory      what an open store has in memory, against the rows
    findings    violations with their codes, and the report
    repair      what damage means, and what to do about it
    statements  the SQL of all of these

It reads rows as they are, one at a time, and has an account of its own of what they should be; it
writes nothing, repairs nothing, and asks the engine only for the forms of packed definitions.
"""

from .check import check, check_transaction
from .findings import CODES, Report, Violation

__all__ = ["CODES", "Report", "Violation", "check", "check_transaction"]
