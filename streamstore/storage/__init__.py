"""The room with SQLite in it: files, connections, transactions, group commit.

    places       where a store may lie
    files        path, durable creation, sniffing, the WAL's own bytes
    guards/      the lock file with its mark, checksums of pages: damage that SQLite can't see
    foreign/     files that other programs have open
    connection   how a connection is configured; apsw's errors under our names; fork
    transaction  what engine code is given: one, all, iterate, run
    writer/      group commit: flight, commit, writer
    readers/     read transactions: pool of a file, memory
    migrate      opening a file in whatever state it is
    maintenance  checkpoints, vacuum, what makes one file of a store
    copies/      verified copies of a store, and stores made of them
    statements   every SQL text by name (statements_tables, statements_streams: the engine's;
                 statements_consumers: the consumers')
    schema       what is on disk, as SQLAlchemy Core; schema.sql is the same, packaged
    failpoints   named places to crash at

Nothing above imports apsw, and nothing here knows what a table of DynamoDB is.
"""
