"""The engine as a confined process of its own, since it reads files from strangers."""
