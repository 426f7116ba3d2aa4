"""The declared resources, provided by the local services."""
