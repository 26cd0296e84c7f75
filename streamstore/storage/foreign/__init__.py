"""Files that other programs and other libraries may have open.

recognition  whether a path belongs to a store, without opening one that is open
"""
