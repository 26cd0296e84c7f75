"""Commands that say whether a store is sound.

checking  `streamstore check`: one file, as it is
torture   `streamstore torture`: the campaigns of streamstore.testing
"""
