"""The errors of jobs, with the contract's codes.

Source: Microsoft.Media 2022-07-01, JobErrorCode, JobErrorCategory and JobRetry.
"""

from dataclasses import dataclass
from enum import StrEnum

from mediaservice.logs import masked
from mediaservice.utf16 import cut

# These texts contain foreign ones: hosts, files, names. A job's record has room for this many UTF-16 units of each.
MAX_MESSAGE, MAX_DETAIL_CODE = 1000, 100


class ErrorCode(StrEnum):
    SERVICE_ERROR = "ServiceError"
    SERVICE_TRANSIENT_ERROR = "ServiceTransientError"
    DOWNLOAD_NOT_ACCESSIBLE = "DownloadNotAccessible"
    DOWNLOAD_TRANSIENT_ERROR = "DownloadTransientError"
    UPLOAD_NOT_ACCESSIBLE = "UploadNotAccessible"
    UPLOAD_TRANSIENT_ERROR = "UploadTransientError"
    CONFIGURATION_UNSUPPORTED = "ConfigurationUnsupported"
    CONTENT_MALFORMED = "ContentMalformed"
    CONTENT_UNSUPPORTED = "ContentUnsupported"
    IDENTITY_UNSUPPORTED = "IdentityUnsupported"

    @property
    def category(self) -> str:
        if self is ErrorCode.IDENTITY_UNSUPPORTED:
            return "Account"
        return next(name for name in CATEGORIES if self.value.startswith(name))

    @property
    def retry(self) -> str:
        """True if the same job could succeed when it is submitted again."""
        return "MayRetry" if self in MAY_RETRY else "DoNotRetry"


CATEGORIES = ("Service", "Download", "Upload", "Configuration", "Content")
MAY_RETRY = frozenset(
    {
        ErrorCode.SERVICE_ERROR,
        ErrorCode.SERVICE_TRANSIENT_ERROR,
        ErrorCode.DOWNLOAD_TRANSIENT_ERROR,
        ErrorCode.UPLOAD_TRANSIENT_ERROR,
    }
)


@dataclass(frozen=True)
class ErrorDetail:
    code: str
    message: str


@dataclass(frozen=True)
class JobError:
    code: ErrorCode
    message: str
    details: tuple[ErrorDetail, ...] = ()


class JobFailedError(Exception):
    """Ends a job's output in Error. The message is for the client."""

    def __init__(self, code: ErrorCode, message: str, *details: ErrorDetail) -> None:
        message = _bounded(message, MAX_MESSAGE)
        super().__init__(message)
        kept = tuple(
            ErrorDetail(_bounded(each.code, MAX_DETAIL_CODE), _bounded(each.message, MAX_MESSAGE)) for each in details
        )
        self.error = JobError(code, message, kept or (ErrorDetail(code.value, message),))

    def about(self, input_name: str) -> "JobFailedError":
        """Return the same error for one of several inputs, with its name in the message."""
        code, message = self.error.code, self.error.message
        named = message if message.startswith(f"{input_name}: ") else f"{input_name}: {message}"
        return JobFailedError(code, named, *self.error.details)


def _bounded(text: str, most: int) -> str:
    """Return the text on one line, since a control character takes six units in a record, with signatures masked."""
    return cut("".join(character if character.isprintable() else " " for character in masked(text)), most)
