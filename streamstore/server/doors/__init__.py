"""Doors beside the calls that are more than a handler of a line or two.

tail  GET /streams/<ARN or TABLE>/tail, as server-sent events
"""
