"""The neural networks, their weights and their common result."""
