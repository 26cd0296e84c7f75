"""Commands that say whether a store is sound."""
