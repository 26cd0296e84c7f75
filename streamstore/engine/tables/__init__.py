"""Tables, their items, their secondary indexes, and reading them in pages."""
