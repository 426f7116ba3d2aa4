"""The ways in which an event can end other than in a job."""


class Ignored(Exception):  # noqa: N818 — an outcome, not always an error
    """The event is none of ours, by design; its message says why."""


class Refused(Exception):  # noqa: N818
    """No later delivery of the same event can succeed; its message says why."""


class Retry(Exception):  # noqa: N818
    """A later delivery of the same event may succeed: leaves the function, so that Event Grid repeats it."""
