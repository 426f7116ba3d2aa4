"""The graph, one file per part. `__main__.py` connects them."""
