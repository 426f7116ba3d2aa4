"""Errors, each with the Media Services v3 code that a job would end with."""

from typing import ClassVar


class RedactionError(Exception):
    """Base of all errors that this package raises on purpose. `code` is the job's error code."""

    code: ClassVar[str] = "ServiceError"


class ContentMalformed(RedactionError):  # noqa: N818  the contract's word
    """The input is no video, or is damaged. No frame of it is published."""

    code = "ContentMalformed"


class ContentUnsupported(RedactionError):  # noqa: N818
    """The input is sound, but has a property that this engine does not handle."""

    code = "ContentUnsupported"


class ConfigurationUnsupported(RedactionError):  # noqa: N818
    """The options, or the paths of input and output, cannot be used."""

    code = "ConfigurationUnsupported"


class Cancelled(RedactionError):  # noqa: N818
    """The caller asked the run to stop."""
