"""The Media Services account as its clients see it, for either engine."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi


@dataclass(frozen=True)
class Audience:
    """The audience of the API's tokens: the one that clients request, and all accepted ones, separated by commas."""

    asked_for: pulumi.Output[str]
    accepted: pulumi.Output[str]
    ready: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True)
class MediaAccount:
    """The values that a client of the v3 API needs to submit jobs.

    `endpoint` is the API's https address, `audience` the audience of its tokens. Clients must wait for the resources
    `ready`. `job_events` is the ARM id of the topic or account that publishes the jobs' events. `image_bill` is the
    bill of materials of an image that the graph builds.
    """

    endpoint: pulumi.Output[str]
    audience: pulumi.Output[str]
    name: pulumi.Output[str]
    transform: pulumi.Output[str]
    job_events: pulumi.Output[str]
    ready: Sequence[pulumi.Resource]
    image_bill: str | None = None
