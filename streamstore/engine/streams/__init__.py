"""Streams: records of changes, sequence numbers, shards and splits, iterators, retention."""
