"""The container: decode a source, encode and index a sink, keep what belongs to the picture and the sound."""
