"""Fixtures of the local cloud's tests that these use too."""

from tests.local.conftest import destination, eventually, heard, lake, unique

__all__ = ["destination", "eventually", "heard", "lake", "unique"]
