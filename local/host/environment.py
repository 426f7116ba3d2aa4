"""This process's environment variables, changed for a while."""

import contextlib
import os
from collections.abc import Iterator, Mapping


@contextlib.contextmanager
def changed_environment(values: Mapping[str, str], *, without: tuple[str, ...] = ()) -> Iterator[None]:
    """Add `values`, and leave out every variable that begins with one of `without`, until the end of the `with`."""
    before = dict(os.environ)
    for name in before:
        if without and name.startswith(without):
            del os.environ[name]
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
