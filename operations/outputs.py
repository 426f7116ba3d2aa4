"""A deployed stack as its outputs describe it."""

import json
from dataclasses import dataclass

from operations.errors import UsageError


@dataclass(frozen=True)
class StackOutputs:
    """Where a stack's parts are. `media_account` is the account's ARM id, `media_endpoint` where its API answers."""

    upload_to: str
    results_in: str
    media_endpoint: str
    media_audience: str
    media_account: str
    transform: str

    @classmethod
    def read(cls, text: str) -> "StackOutputs":
        """Read what `pulumi stack output --json` prints. Raises UsageError."""
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
