"""A browser at the local authority's sign-in page, and the pieces of a request by a page."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx

from local.services.people import Person

VERIFIER = "v" * 43
CHALLENGE = "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"  # of VERIFIER by S256


def choose(http: httpx.Client, address: str, person: Person, **headers: str) -> httpx.Response:
    """Open the sign-in page, and press a person's button."""
    shown = http.get(address)
    assert shown.status_code == 200, shown.text
    action = re.search(r'action="([^"]+)"', shown.text)
    request = re.search(r'name="request" value="([^"]+)"', shown.text)
    assert action
    assert request
    form = {"request": request[1], "person": person.username}
    return http.post(shown.url.join(action[1]), data=form, headers=headers)


def asked(authority: str, client_id: str, redirect: str, scope: str, **changed: str) -> str:
    """Return the address of a request for a code. `authority` includes the tenant."""
    parameters = {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": redirect,
        "scope": f"openid profile {scope}",
        "state": "s-1",
        "nonce": "n-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changed,
    }
    return str(httpx.URL(f"{authority}/oauth2/v2.0/authorize", params=parameters))


def returned(answer: httpx.Response, redirect: str) -> dict[str, str]:
    """Return the parameters that the browser takes back to the page."""
    assert answer.status_code == 303, answer.text
    location = urlsplit(answer.headers["location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == redirect
    return {name: value for name, (value,) in parse_qs(location.query or location.fragment).items()}


def redeemed(
    http: httpx.Client, authority: str, client_id: str, redirect: str, code: str, origin: str = "", **changed: str
) -> httpx.Response:
    form = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "code": code,
        "redirect_uri": redirect,
        "code_verifier": VERIFIER,
        **changed,
    }
    headers = {"Origin": origin} if origin else {}
    return http.post(f"{authority}/oauth2/v2.0/token", data=form, headers=headers)
