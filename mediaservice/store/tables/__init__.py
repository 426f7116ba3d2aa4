"""Entities in Azure Tables: rows, keys, lists, batched inserts, shared reads."""
