"""Cover faces in a picture."""
