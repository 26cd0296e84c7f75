"""The HTTP door: DynamoDB's and DynamoDB Streams' wire over one store.

    serve        sockets, the loop, readiness, draining; `serve` and `Running`
    connection   the life of a connection and its bounds
    wire         requests of a connection, in order: the hot path
    framing      heads, lengths, chunks: bytes only
    protocol     target, JSON, signer, scope; what is answered at once and what waits
    signature    the checks of credentials: their form, or version 4 with given keys
    gate         addresses, Host and Origin: who may knock
    replies      status lines, headers, checksums, request ids, JSON
    switchboard  what connections share: the writer's queue, threads for long reads
    pages, app   everything that is no call: health, readiness, metrics, routes handed in
    admin        /_streamstore/, for commands on this machine

Nothing here knows what an operation means. Import `serve` from `streamstore.server.serve`:
importing this package costs nothing.
"""
