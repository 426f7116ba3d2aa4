"""People's access to videos: Entra groups, with data roles for the lake and the results."""

from collections.abc import Sequence

import pulumi

from stack.roles import Role, grant
from stack.storage import Lake, MediaStorage


class People(pulumi.ComponentResource):
    """Uploaders write to the lake's container and read results; reviewers read both.

    Groups are object ids. stack/media/api_application.py grants their app roles of the media service.
    """

    def __init__(
        self, name: str, *, uploaders: Sequence[str], reviewers: Sequence[str], lake: Lake, results: MediaStorage
    ) -> None:
        super().__init__("face-redaction:people:People", name)
        for group in uploaders:
            self._grant("uploaders-write-uploads", Role.BLOB_CONTRIBUTOR, lake.uploads.id, group)
        for group in reviewers:
            self._grant("reviewers-read-uploads", Role.BLOB_READER, lake.uploads.id, group)
        # One name for both kinds: another one for the same grant would be made before the old one is deleted, which
        # Azure refuses. Until 1.0.0 it depended on the kind.
        for group in dict.fromkeys((*uploaders, *reviewers)):
            former = ("uploaders-read-results", "reviewers-read-results")
            self._grant("people-read-results", Role.BLOB_READER, results.account_id, group, former)
        self.register_outputs({})

    def _grant(
        self, reason: str, role: Role, scope: pulumi.Output[str], group: str, former: Sequence[str] = ()
    ) -> None:
        grant(
            f"{reason}-{group[:8]}",
            role,
            scope=scope,
            principal_id=pulumi.Output.from_input(group),
            principal_type="Group",
            parent=self,
            former_names=[f"{each}-{group[:8]}" for each in former],
        )
