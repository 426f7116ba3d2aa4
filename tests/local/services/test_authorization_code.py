"""Sign-in of people by the authorization code flow, with Microsoft's clients and without."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msal
import pytest
from playwright.sync_api import sync_playwright

from local.host.certificates import Certificates
from local.services.authorization_code import CODE_SECONDS, AuthorizationCodes, Page, resource_of
from local.services.entra import Entra
from local.services.people import PEOPLE, Person
from local.services.token_server import OAuthError, Request
from tests import sign_in
from tests.javascript import NODE, installed
from tests.local.services.test_entra import verified
from tests.sign_in import CHALLENGE, VERIFIER

REDIRECT = "http://localhost:5173/review"
ORIGIN = "http://localhost:5173"
CHROMIUM = next((path for name in ("chromium", "google-chrome", "chrome") if (path := shutil.which(name))), None)
API = "api://reviewed"
SCOPE = f"{API}/user_impersonation"

type Browser = Callable[..., httpx.Response]


@pytest.fixture
def page(entra: Entra) -> Page:
    for person in PEOPLE:
        entra.grant(API, person.principal_id, person.roles)
    return entra.page([REDIRECT])


@pytest.fixture
def http(certificates: Certificates) -> Iterator[httpx.Client]:
    with httpx.Client(verify=certificates.client_context, timeout=30) as client:
        yield client


@pytest.fixture
def choose(http: httpx.Client) -> Browser:
    return partial(sign_in.choose, http)


@pytest.fixture
def authority(entra: Entra) -> str:
    return f"{entra.authority}/{entra.tenant_id}"


@pytest.fixture
def ask(authority: str, page: Page) -> Callable[..., str]:
    """Returns the address of a request for a code."""

    def made(redirect: str = REDIRECT, scope: str = SCOPE, **changed: str) -> str:
        return sign_in.asked(authority, page.client_id, redirect, scope, **changed)

    return made


@pytest.fixture
def redeem(authority: str, page: Page, http: httpx.Client) -> Callable[..., httpx.Response]:
    def act(code: str, origin: str = "", **changed: str) -> httpx.Response:
        client_id, redirect = changed.pop("client_id", page.client_id), changed.pop("redirect", REDIRECT)
        return sign_in.redeemed(http, authority, client_id, redirect, code, origin, **changed)

    return act


def returned(answer: httpx.Response) -> dict[str, str]:
    return sign_in.returned(answer, REDIRECT)


@pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended")
@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.roles[-1])
def test_msal_signs_each_person_in_with_the_persons_roles(
    person: Person,
    entra: Entra,
    page: Page,
    certificates: Certificates,
    choose: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in certificates.environment.items():
        monkeypatch.setenv(name, value)
    authority = f"{entra.authority}/{entra.tenant_id}"
    client = msal.PublicClientApplication(page.client_id, authority=authority, instance_discovery=False)
    flow = client.initiate_auth_code_flow([SCOPE], redirect_uri=REDIRECT)
    result = client.acquire_token_by_auth_code_flow(flow, returned(choose(flow["auth_uri"], person)))
    assert "error" not in result, result
    assert result["id_token_claims"]["preferred_username"] == person.username
    claims = verified(entra, certificates, result["access_token"], API)
    assert claims["roles"] == sorted(person.roles)
    assert (claims["oid"], claims["idtyp"], claims["scp"]) == (person.principal_id, "user", "user_impersonation")
    (account,) = client.get_accounts()
    assert account["username"] == person.username
    silent = client.acquire_token_silent([SCOPE], account)
    assert silent is not None
    assert silent["access_token"] == result["access_token"]


@pytest.mark.installs
def test_msal_for_javascript_signs_in(
    entra: Entra, page: Page, certificates: Certificates, choose: Browser, tmp_path: Path
) -> None:
    folder = installed(Path(__file__).with_name("msal"))
    environment = {
        "AUTHORITY": f"{entra.authority}/{entra.tenant_id}",
        "CLIENT_ID": page.client_id,
        "REDIRECT": REDIRECT,
        "SCOPE": SCOPE,
        "NODE_EXTRA_CA_CERTS": str(certificates.bundle),
        "HOME": str(tmp_path),
    }
    with subprocess.Popen(
        [NODE, "sign_in.js"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdin
        assert client.stdout
        address = client.stdout.readline().strip()
        answer = choose(address, PEOPLE[2])
        assert "#" in answer.headers["location"]
        signed_in, _ = client.communicate(returned(answer)["code"], timeout=60)
    found: dict[str, Any] = json.loads(signed_in)
    assert (found["name"], found["username"]) == (PEOPLE[2].name, PEOPLE[2].username)
    assert verified(entra, certificates, found["accessToken"], API)["roles"] == ["Approver", "Media.Read"]


def test_the_id_token_is_the_clients_and_carries_its_nonce(
    entra: Entra, page: Page, http: httpx.Client, choose: Browser, ask: Any, redeem: Any
) -> None:
    answer = redeem(returned(choose(ask(), PEOPLE[0]))["code"]).json()
    configuration = http.get(f"{entra.authority}/{entra.tenant_id}/v2.0/.well-known/openid-configuration").json()
    keys = msal.oauth2cli.oidc.decode_part(answer["id_token"].split(".")[0])
    claims = json.loads(msal.oauth2cli.oidc.decode_part(answer["id_token"].split(".")[1]))
    assert json.loads(keys)["kid"] in {key["kid"] for key in http.get(configuration["jwks_uri"]).json()["keys"]}
    assert (claims["aud"], claims["nonce"], claims["iss"]) == (page.client_id, "n-1", configuration["issuer"])
    assert "refresh_token" not in answer


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/review",
        "http://localhost:5173/other",
        "http://localhost:5174/review",
        "http://localhost:5173/review/",
        "https://localhost:5173/review",
        "http://localhost:5173/review?x=1",
        "",
    ],
)
def test_no_browser_is_sent_to_an_address_that_is_not_registered(http: httpx.Client, ask: Any, address: str) -> None:
    answer = http.get(ask(address))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<form" not in answer.text


@pytest.mark.parametrize("address", ["https://example.com/", "ftp://localhost/", "http://localhost.example.com/"])
def test_only_addresses_of_this_machine_can_be_registered(entra: Entra, address: str) -> None:
    with pytest.raises(ValueError, match="no address on this machine"):
        entra.page([address])


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": f"{SCOPE} https://other.example/.default"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_wrong_request_is_answered_at_the_page(
    http: httpx.Client, ask: Any, changed: dict[str, str], error: str
) -> None:
    said = returned(http.get(ask(**changed)))
    assert (said["error"], said["state"]) == (error, "s-1")


def test_a_code_counts_once(choose: Browser, ask: Any, redeem: Any) -> None:
    code = returned(choose(ask(), PEOPLE[0]))["code"]
    assert redeem(code).status_code == 200
    again = redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect": "http://localhost:5173/other"}, "invalid_grant"),
        ({"client_id": "unknown"}, "unauthorized_client"),
        ({"client_secret": "guess"}, "invalid_request"),
        ({"origin": "http://localhost:9999"}, "invalid_request"),
    ],
)
def test_a_code_is_of_no_use_to_others_and_is_used_up_by_the_attempt(
    choose: Browser, ask: Any, redeem: Any, changed: dict[str, str], error: str
) -> None:
    code = returned(choose(ask(), PEOPLE[0]))["code"]
    refused = redeem(code, **changed)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert redeem(code).json()["error"] == "invalid_grant"


def test_a_code_of_one_page_is_not_anothers(entra: Entra, choose: Browser, ask: Any, redeem: Any) -> None:
    other = entra.page(["http://127.0.0.1:9000/"])
    code = returned(choose(ask(), PEOPLE[0]))["code"]
    assert redeem(code, client_id=other.client_id).json()["error"] == "invalid_grant"


def test_a_code_does_not_last() -> None:
    now = [0.0]
    codes = AuthorizationCodes(PEOPLE, "tenant", lambda *_: {"access_token": "t"}, clock=lambda: now[0])
    page = codes.register([REDIRECT])

    def code() -> str:
        asked = {"client_id": page.client_id, "redirect_uri": REDIRECT, "response_type": "code", "scope": SCOPE}
        pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
        shown = codes.authorize(Request("GET", "/authorize", {**asked, **pkce}, {}), "https://here")
        found = re.search(r'name="request" value="([^"]+)"', shown.body.decode())
        assert found
        form = {"request": found[1], "person": PEOPLE[0].username}
        answer = codes.authorize(Request("POST", "/authorize", form, {}), "https://here")
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    form = {"client_id": page.client_id, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    in_time, late = code(), code()
    now[0] = CODE_SECONDS - 1
    assert codes.redeem({**form, "code": in_time}, None) == {"access_token": "t"}
    now[0] = CODE_SECONDS
    with pytest.raises(OAuthError, match="expired"):
        codes.redeem({**form, "code": late}, None)


def test_only_the_page_may_read_answers(entra: Entra, http: httpx.Client, page: Page, ask: Any) -> None:
    base = f"{entra.authority}/{entra.tenant_id}"
    for path in ("/v2.0/.well-known/openid-configuration", "/discovery/v2.0/keys"):
        assert http.get(base + path, headers={"Origin": ORIGIN}).headers["access-control-allow-origin"] == ORIGIN
        for foreign in ("https://example.com", "null", "http://localhost:5174"):
            assert "access-control-allow-origin" not in http.get(base + path, headers={"Origin": foreign}).headers
    token = f"{base}/oauth2/v2.0/token"
    assert http.post(token, headers={"Origin": ORIGIN}, data={}).headers["access-control-allow-origin"] == ORIGIN
    assert http.options(token, headers={"Origin": ORIGIN}).status_code == 204
    assert http.options(token, headers={"Origin": "https://example.com"}).status_code == 404
    assert "access-control-allow-origin" not in http.get(ask(), headers={"Origin": ORIGIN}).headers


@pytest.mark.browser
def test_a_person_is_chosen_in_a_real_browser(ask: Any) -> None:
    """Browsers send a form with the origin that the page's policy allows."""
    if CHROMIUM is None:
        pytest.skip("neither Chromium nor Chrome is here")
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(ignore_https_errors=True)
        page.route(f"{REDIRECT}**", lambda route: route.fulfill(body="here"))
        page.goto(ask())
        page.get_by_role("button", name=PEOPLE[0].name).click()
        page.get_by_text("here").wait_for()
        given = parse_qs(urlsplit(page.url).query)
        browser.close()
    assert page.url.startswith(REDIRECT)
    assert given["code"]


def test_no_other_page_can_choose_a_person(choose: Browser, ask: Any, http: httpx.Client) -> None:
    for foreign in ("https://example.com", "null"):
        assert choose(ask(), PEOPLE[0], Origin=foreign).status_code == 400
    shown = http.get(ask())
    policy = shown.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "<script" not in shown.text


def test_signing_out_leads_back_to_a_registered_page_alone(entra: Entra, http: httpx.Client, page: Page) -> None:
    address = f"{entra.authority}/{entra.tenant_id}/oauth2/v2.0/logout"
    back = http.get(address, params={"post_logout_redirect_uri": page.redirects[0], "state": "s"})
    assert returned(back) == {"state": "s"}
    away = http.get(address, params={"post_logout_redirect_uri": "https://example.com/"})
    assert (away.status_code, "location" in away.headers) == (200, False)


@pytest.mark.parametrize(
    ("scope", "resource", "permission"),
    [
        (SCOPE, API, "user_impersonation"),
        (f"openid {API}/.default", API, "user_impersonation"),
        ("openid profile", "client", "openid"),
    ],
)
def test_a_scope_names_a_resource_and_a_permission(scope: str, resource: str, permission: str) -> None:
    assert resource_of(scope, "client") == (resource, permission)
