"""Layers around every request: identity, size, tracing, the access log, readiness."""
