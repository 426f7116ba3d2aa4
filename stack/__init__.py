"""The graph: one file per part, wired together in `__main__.py`."""
