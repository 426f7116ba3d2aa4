"""What can go wrong in the store by its own rules; anything else is Storage's failure and passes through."""

REFUSALS = frozenset({400, 413})


class ExistsError(Exception):
    """The name is taken."""


class TooLargeError(Exception):
    """An entity has more than a table can be expected to keep; the message is meant for the client."""


def is_refusal(error: Exception) -> bool:
    """Whether Storage will never take what it was given, as opposed to being unable to at the moment."""
    return isinstance(error, TooLargeError) or getattr(error, "status_code", None) in REFUSALS


class ChangedError(Exception):
    """Somebody else has written or deleted the entity since it was read."""


class LeaseLostError(Exception):
    """The message is no longer ours: somebody else has received it, or it is gone."""


class NotThereError(Exception):
    """The container or blob does not exist."""


class BeingDeletedError(Exception):
    """A container of that name is still being deleted."""


class TakenError(Exception):
    """The container is another asset's already."""


class OverwrittenError(Exception):
    """The blob is no longer what it was, or its staged blocks are gone; nothing was committed."""
