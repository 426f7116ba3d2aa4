"""Fixtures shared with the local cloud's tests."""

from tests.local.conftest import destination, eventually, heard, lake, unique

__all__ = ["destination", "eventually", "heard", "lake", "unique"]
