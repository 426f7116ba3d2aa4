"""Event Grid on this machine: filter, deliver, retry and dead-letter as the graph declares."""
