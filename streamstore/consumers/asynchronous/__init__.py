"""Asynchronous invocations: a function is sent an event, and runs when it can, more than once if it
fails.

    configs   what is said of each function: how often, how long, and where results go
    policy    what follows from an outcome: a pure function, and its values
    records   what a destination is told, in the service's shape
    queue     Events: those that wait or run, on the store's clock

The queue is in memory, bounded by number and bytes. What waits when the process ends is lost, and
counted in the log; who needs events that survive writes them into a table with a stream. The
configs are in memory as the functions are.

Must not know: the Lambda API, mappings, streams.
"""
