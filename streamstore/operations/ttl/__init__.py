"""The calls about time to live; what expires is found and deleted in engine/tables/ttl."""
