"""`streamstore demo`: a change feed goes through the store, and what came out is proven.

feed        change feeds and their trees, read from files
door        one way to call a store: embedded, or over HTTP
feeder      a process that writes the feed, each commit a transaction, and splits shards on the
way
follower    a process of live consumers: each keeps position and copy together in one file
actors      starting, talking to, killing and ending those processes
proof       what must hold at the end, each line checked
run         the whole, with progress, a drawing of the lineage, and figures
"""
