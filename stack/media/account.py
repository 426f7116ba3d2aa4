"""The Media Services account as its clients see it, whichever engine stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Audience:
    """What the API's tokens are issued for: what clients ask for, and all that tokens may say, by commas."""

    asked_for: pulumi.Output[str]
    accepted: pulumi.Output[str]
    ready: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class MediaAccount:
    """What a client of the v3 API needs to submit jobs.

    `endpoint` is the API's https address, `audience` what its tokens are issued for; `ready` are the resources that
    a client must wait for. `job_events` is the ARM id of what raises its jobs' events, to which one subscribes.
    """

    endpoint: pulumi.Output[str]
    audience: pulumi.Output[str]
    name: pulumi.Output[str]
    transform: pulumi.Output[str]
    job_events: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]
