"""Video files: decode a source, encode a sink, and keep times, colours and sound."""
