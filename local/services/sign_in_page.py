"""The page on which a person of the local directory is chosen. It loads nothing and runs no script."""

from collections.abc import Sequence
from html import escape
from http import HTTPStatus

from local.services.people import Person
from local.services.token_server import Answer

_HEAD = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'


def sign_in(action: str, request: str, people: Sequence[Person], redirect_origin: str) -> Answer:
    """Return a form with a button for each person. `request` identifies what is signed in for."""
    buttons = "".join(
        f'<p><button name="person" value="{escape(each.username)}">{escape(each.name)}</button> '
        f"{escape(each.username)}: {escape(', '.join(each.roles))}</p>"
        for each in people
    )
    body = (
        f"{_HEAD}<title>Sign in to the local cloud</title><h1>Sign in to the local cloud</h1>"
        "<p>These people exist on this machine only, and have no password.</p>"
        f'<form method="post" action="{escape(action)}"><input type="hidden" name="request" value="{escape(request)}">'
        f"{buttons}</form></html>"
    )
    return _page(body, f"form-action 'self' {redirect_origin}", HTTPStatus.OK)


def message(text: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    return _page(f"{_HEAD}<title>Local cloud</title><p>{escape(text)}</p></html>", "form-action 'none'", status)


def _page(body: str, form_action: str, status: HTTPStatus) -> Answer:
    headers = {
        "Content-Security-Policy": f"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; {form_action}",
        "Referrer-Policy": "same-origin",  # by no-referrer, browsers send the form with the origin "null"
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(body.encode(), "text/html; charset=utf-8", status, headers)
