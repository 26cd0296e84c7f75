"""Following a stream as it grows, and reading a table together with the place to follow from.

starts     where following begins: words, numbers, times
follower   the records of all shards of a stream as one line, in order of commit
contents   everything of a file at one instant
pieces     rows of a pinned read, as many at a time as may be held
snapshots  the items of a table at one instant, and the position that belongs to it
followed   what a Store has of these
"""
