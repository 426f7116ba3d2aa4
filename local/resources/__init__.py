"""The declared resources made real: the graph on one side, the local services on the other."""
