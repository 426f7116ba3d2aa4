"""The store's errors. Failures of Azure Storage pass through unchanged."""

REFUSALS = frozenset({400, 413})


class ExistsError(Exception):
    """The name is taken."""


class TooLargeError(Exception):
    """An entity is too large for a table. The message is for the client."""


def is_refusal(error: Exception) -> bool:
    """Return True if Storage refuses the request for good, rather than failing at the moment."""
    return isinstance(error, TooLargeError) or getattr(error, "status_code", None) in REFUSALS


class ChangedError(Exception):
    """The entity has been written or deleted by others since it was read."""


class NewerSchemaError(Exception):
    """A newer version of the service has written the entity. This one leaves it alone."""


class LeaseLostError(Exception):
    """The message has been received by another worker or deleted."""


class NotThereError(Exception):
    """The container or blob does not exist."""


class BeingDeletedError(Exception):
    """A container of that name is still being deleted."""


class TakenError(Exception):
    """The container belongs to another asset."""


class OverwrittenError(Exception):
    """The blob has changed, or its staged blocks are gone. Nothing was committed."""
