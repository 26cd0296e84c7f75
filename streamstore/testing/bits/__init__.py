"""Files that change by themselves: a store with something in each of its regions, and every answer
it gives.

`subject` makes the files and knows their regions; `answers` asks a store for everything there is.
"""
