"""Authors, from the claims of access tokens of both versions."""

from typing import Any

import pytest

from mediaservice.model.authorship import MAX_NAME, Author, AuthorKind, author_of

APP = "11111111-1111-4111-8111-111111111111"
OBJECT = "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    ("claims", "author"),
    [
        ({"idtyp": "user", "upn": "a@example.com", "oid": OBJECT, "appid": APP}, ("a@example.com", AuthorKind.USER)),
        ({"scp": "user_impersonation", "preferred_username": "b@example.com"}, ("b@example.com", AuthorKind.USER)),
        ({"scp": "user_impersonation", "unique_name": "c@example.com"}, ("c@example.com", AuthorKind.USER)),
        ({"idtyp": "user", "oid": OBJECT, "appid": APP}, (OBJECT, AuthorKind.USER)),
        ({"idtyp": "app", "oid": OBJECT, "appid": APP}, (APP, AuthorKind.APPLICATION)),
        ({"oid": OBJECT, "azp": APP}, (APP, AuthorKind.APPLICATION)),
        ({"oid": OBJECT, "appid": APP, "xms_mirid": "/subscriptions/s"}, (APP, AuthorKind.MANAGED_IDENTITY)),
        ({"oid": OBJECT}, (OBJECT, AuthorKind.APPLICATION)),
        ({}, ("", AuthorKind.APPLICATION)),
    ],
)
def test_an_author_is_a_person_by_name_or_an_application_by_id(
    claims: dict[str, Any], author: tuple[str, AuthorKind]
) -> None:
    assert author_of(claims) == Author(*author)


def test_a_name_takes_a_bounded_part_of_a_record() -> None:
    assert author_of({"idtyp": "user", "upn": "a" * 9000}).name == "a" * (MAX_NAME - 1) + "…"
