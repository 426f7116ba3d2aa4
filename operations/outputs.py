"""A deployed stack, by its outputs."""

import json
from dataclasses import dataclass

from operations.errors import UsageError


@dataclass(frozen=True)
class StackOutputs:
    """The addresses of a stack's parts. `media_account` is the account's ARM id, `media_endpoint` its API's address."""

    upload_to: str
    results_in: str
    media_endpoint: str
    media_audience: str
    media_account: str
    transform: str

    @classmethod
    def read(cls, text: str) -> "StackOutputs":
        """Read the output of `pulumi stack output --json`. Raises UsageError."""
        try:
            outputs = json.loads(text)
            return cls(
                upload_to=outputs["uploadTo"].rstrip("/"),
                results_in=outputs["resultsIn"].rstrip("/"),
                media_endpoint=outputs["mediaEndpoint"].rstrip("/"),
                media_audience=outputs["mediaAudience"],
                media_account=(
                    f"/subscriptions/{outputs['subscription']}/resourceGroups/{outputs['resourceGroup']}"
                    f"/providers/Microsoft.Media/mediaServices/{outputs['mediaAccount']}"
                ),
                transform=outputs["transform"],
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            missing = f" ({error} is missing)" if isinstance(error, KeyError) else ""
            raise UsageError(
                f"standard input does not hold a stack's outputs{missing}; allowed: what `pulumi stack output --json` "
                "prints"
            ) from None
