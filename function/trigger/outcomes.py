"""The outcomes of an event other than a job."""


class Ignored(Exception):  # noqa: N818 — an outcome, not always an error
    """The event needs no job. The message is the reason."""


class PassedOver(Ignored):
    """An upload that is whole, and that the settings do not have redacted; its message says why."""


class Refused(Exception):  # noqa: N818
    """No later delivery of the event can succeed. The message is the reason."""


class Retry(Exception):  # noqa: N818
    """A later delivery of the event may succeed. The function raises it, so that Event Grid repeats the delivery."""
