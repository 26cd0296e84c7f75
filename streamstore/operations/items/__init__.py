"""The calls that read and write items."""
