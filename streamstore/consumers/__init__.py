"""Event source mappings: what AWS Lambda does between a stream and a function, on a store.

    mapping     the parameters of one event source mapping, and their bounds
    mappings    creating, listing, changing and deleting them: rows of the store
    functions   names to targets, in the memory of this process
    runtime     Consumers: the workers of one open store; start, stop, drain
    mapped      the workers of one mapping: which shards are read, parents before children
    listening   what `Consumers.on` gives: a decorator
    checkpoints how far a mapping has come in each shard, as rows
    schedule    who runs the workers' turns: threads, or whoever asks
    dead_letters  what mappings gave up on: listed, shown, sent again, exported

Rooms: `filters` (event patterns), `plain` (records as Python values), `templates` (SAM and
Serverless), `delivery` (batches, lanes, windows, retries, checkpoints),
`targets` (what is invoked), `asynchronous` (events that are sent and tried again), `destinations`
(where failures and results go), `lambda_api` (the REST calls),
`transactional` (exactly once in the store), `sinks` (a stream into another database).

Must not know: the HTTP server, the console, the command line. Those are handed what is here.
"""
