"""The shapes that the API takes and returns: bodies, lists, errors, addresses."""
