"""The people of the local directory, who sign in without a password."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """A person with app roles of the media service."""

    name: str
    username: str
    roles: tuple[str, ...]

    @property
    def principal_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"local-person/{self.username}"))


# One for each role of a review. All may read the account; what else they may do follows from the role of the review.
PEOPLE = (
    Person("Rita Reader", "reader@local.example", ("Media.Read", "Reader")),
    Person("Eda Editor", "editor@local.example", ("Media.Read", "Editor")),
    Person("Ada Approver", "approver@local.example", ("Media.Read", "Approver")),
)
