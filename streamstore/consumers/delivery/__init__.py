"""Delivering a stream's records to functions as Lambda does: batches, lanes, windows, retries.

    events     records and batches in Lambda's form
    reading    one shard's records, in order, past the trim horizon where it must be
    lanes      queues inside a shard, each in order; what is ripe for an invocation
    windows    tumbling windows: where they begin and end, their events, their state
    answers    what a function's answer means for its batch
    retries    what is to be done after an invocation: a pure function
    progress   what a shard has done beyond its checkpoint, as stored bytes
    commits    how an answer and its checkpoint commit, and the seam for exactly once
    reports    failure records, in the service's shape
    meters     what is counted under AWS/Lambda
    shard      the worker of one shard of one mapping: it joins all of the above
    invoking   one invocation and what follows from it

Must not know: who runs the turns (schedule), how mappings are kept or changed (mappings), what a
target or a destination does.
"""
