"""Faces: detection in frames, tracks across frames, and the effort spent on both."""
