"""Where faces are: search frames, follow faces between them, and decide how thoroughly."""
