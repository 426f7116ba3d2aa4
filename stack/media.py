"""The Media Services account as its clients see it, whichever engine stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class MediaAccount:
    """What a client of the v3 API needs to submit jobs.

    `endpoint` is the API's https address, `audience` what its tokens are issued for; `ready` are the resources that
    a client must wait for.
    """

    endpoint: pulumi.Output[str]
    audience: str
    name: pulumi.Output[str]
    transform: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]
