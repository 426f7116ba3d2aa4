"""Commands on a deployed stack; they know it by its outputs alone."""
