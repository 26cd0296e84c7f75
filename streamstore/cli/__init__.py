"""The `streamstore` command: it wires the doors together."""
