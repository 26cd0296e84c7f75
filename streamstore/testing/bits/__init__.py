"""What the campaigns `flips` and `fuzz` are made of: files whose bits change by themselves, every
answer that a store gives, and bytes from anywhere.

`subject` makes the files and knows their regions; `answers` asks a store for everything there is;
`corpus` has valid inputs of every surface, from which others are made.
"""
