"""One write: its mutation, the group it commits with, transactions and their tokens."""
