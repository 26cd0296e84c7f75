"""Following a stream as it grows, and reading a table together with the place to follow from.

starts     where following begins: words, numbers, times
follower   the records of all shards of a stream as one line, in order of commit
snapshots  the items of a table at one instant, and the position that belongs to it
followed   what a Store has of these
"""
