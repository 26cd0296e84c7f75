"""Sinks: what is in a table, and what happens to it, kept in another system.

    seam         what a sink is (Sink), what it is given (Change), what it remembers (Place)
    replication  the driver: first a copy from a snapshot, then the stream; restarts, trims, outages

    relational   a sink: a table of PostgreSQL or SQLite
    layout       its columns: which attribute goes where, under which name
    encoding     its JSON: lists, maps, sets and binary values without loss
    statements   its tables and statements
    addresses    which databases it may write to, and what their errors mean

A sink is one class with five methods; whatever is hard about following a stream is in replication,
once. Must not know: the command line; mappings and delivery, which run functions, not sinks.
"""

from __future__ import annotations

from .replication import Replication, replicate
from .seam import Change, Place, Sink, Source

__all__ = ["Change", "Place", "Replication", "Sink", "Source", "replicate"]
