"""The Function App: its package, its resources, its release."""
