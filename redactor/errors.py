"""What can go wrong, by the Media Services v3 error code that a job would end with."""

from typing import ClassVar


class RedactionError(Exception):
    """Base of every failure this package raises on purpose; `code` is the job error code."""

    code: ClassVar[str] = "ServiceError"


class ContentMalformed(RedactionError):  # noqa: N818  the contract's word
    """The input is not a video, or is damaged: no frame of it is published."""

    code = "ContentMalformed"


class ContentUnsupported(RedactionError):  # noqa: N818
    """The input is sound, but holds something that this engine does not handle."""

    code = "ContentUnsupported"


class ConfigurationUnsupported(RedactionError):  # noqa: N818
    """The options, or the places named for input and output, cannot be used."""

    code = "ConfigurationUnsupported"


class Cancelled(RedactionError):  # noqa: N818
    """The caller asked the run to stop."""
