"""Event source mappings: what AWS Lambda does between a stream and a function, on a store.

    mapping     the parameters of one event source mapping, and their bounds
    mappings    creating, listing, changing and deleting them: rows of the store
    runtime     Consumers: the workers of one open store; start, stop, drain

Rooms: `filters` (event patterns), `delivery` (batches, lanes, windows, retries, checkpoints),
`targets` (what is invoked), `destinations` (where failures go), `lambda_api` (the REST calls),
`transactional` (exactly once in the store), `sinks` (a stream into another database).

Must not know: the HTTP server, the console, the command line. Those are handed what is here.
"""
