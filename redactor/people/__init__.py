"""People: the first pass's annotations and thumbnails, and the second pass that reads the annotations."""
