"""Streams: records of changes, sequence numbers, shards and splits, iterators, retention.

change        the record of one change: event, images by view type, size
sequence      numbers: one counter a store, a depth in front on the wire
shards        opening, closing, splitting, rolling over; labels, ids and lineage
splits        samples of the load, and the policy as a function of facts
log           appending records, reading a page of them
positions     the five ways to begin reading
iterators     positions as texts with a MAC
horizon       the time that retention believes
retention     trimming, and what goes with it
tail          waking those who wait
descriptions  streams and shards read back from disk
lineage       shards drawn as a tree
"""
