"""A real server under load, as the campaign of its kills needs it.

load     the process that writes, reads and remembers what it was told; it outlives the server
ledger   what was asked and acknowledged, held against the records and items that are there
door     the server's process, and the few requests that a checker makes
"""
