"""The part of the local cloud that a person sees: commands, progress, results."""
