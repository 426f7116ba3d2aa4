"""The Azure services that the local cloud replaces, each on its own."""
