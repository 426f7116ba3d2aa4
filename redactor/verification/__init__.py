"""Comparison of a redacted video with its input: the faces that show in both."""
