"""Commands that write JSON a line, for as long as somebody reads.

tail     the records of a stream as they come
dump     what a file holds, and one table with the place to go on from
written  how lines are written, and how they end
"""
