"""What sees the damage that SQLite can't: a lost end of the log, bytes that changed by themselves.

`lock` is the file beside a store, with its owner and the mark of how far the owner came;
`checksums` puts a checksum into every page.
"""
