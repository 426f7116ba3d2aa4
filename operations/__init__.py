"""Commands on a deployed stack, which they know by its outputs alone."""
