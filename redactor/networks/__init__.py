"""The neural networks, their weights and the shape of their answers."""
