"""The Pulumi program run on this machine, and the outputs of its resources."""
