"""Pure bytes: how values are read, ordered, hashed, measured and stored; no tables, SQL or HTTP.

    attributes   what a caller sent -> canonical values, their size, the first fault
    refusals     the slow twin of attributes: finds the exact error, or reads the rare spellings
    numbers      decimal text -> normal form; exact arithmetic, order, size
    sizes        bytes an item counts for, and capacity units
    keys         key values <-> order-preserving blobs
    hashing      key blob -> the 128-bit space that partitions divide
    items        item <-> stored bytes
    records      change record <-> stored bytes, made by joining packed items

A canonical value is the wire's own shape with one type key: {"S": str}, {"N": normal form}, {"B":
bytes}, {"BOOL": bool}, {"NULL": True}, {"SS": [...]}, {"NS": [...]}, {"BS": [...]} (sets sorted,
without duplicates), {"L": [value, ...]}, {"M": {name: value}}. Equal values are equal under plain
==. Sister rooms import the modules, since this page re-exports nothing.
"""
