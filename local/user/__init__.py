"""The user's side of the local cloud: commands, progress, results."""
