"""The engine in a process of its own, confined: it reads files from strangers."""
