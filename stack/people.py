"""What people may do with videos: Entra groups, and their data roles at the lake and at the results."""

from collections.abc import Sequence

import pulumi

from stack.roles import Role, grant
from stack.storage import Lake, MediaStorage


class People(pulumi.ComponentResource):
    """Uploaders write to the lake's container and read results; reviewers read both.

    Groups are object ids. What they may do at the media service is its application's, in stack/api_application.py.
    """

    def __init__(
        self, name: str, *, uploaders: Sequence[str], reviewers: Sequence[str], lake: Lake, results: MediaStorage
    ) -> None:
        super().__init__("face-redaction:people:People", name)
        for group in uploaders:
            self._grant("uploaders", "write-uploads", Role.BLOB_CONTRIBUTOR, lake.uploads.id, group)
            self._grant("uploaders", "read-results", Role.BLOB_READER, results.account_id, group)
        for group in reviewers:
            self._grant("reviewers", "read-uploads", Role.BLOB_READER, lake.uploads.id, group)
            if group not in uploaders:
                self._grant("reviewers", "read-results", Role.BLOB_READER, results.account_id, group)
        self.register_outputs({})

    def _grant(self, who: str, what: str, role: Role, scope: pulumi.Output[str], group: str) -> None:
        grant(
            f"{who}-{what}-{group[:8]}",
            role,
            scope=scope,
            principal_id=pulumi.Output.from_input(group),
            principal_type="Group",
            parent=self,
        )
