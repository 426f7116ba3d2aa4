"""The version of everything in this repository, in one place. The build reads it from here."""

__version__ = "1.0.0"
