"""The OpenAPI document, and the service's conformity with it under generated requests, valid and invalid."""

import re
from typing import Any

import httpx
import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

import redactor
from tests.mediaservice.deployment import GROUP, SUBSCRIPTION, Service

EXAMPLES = 8  # for each operation
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance]
SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.generate],
)


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    answer = service.http.get("/openapi.json")
    assert answer.status_code == httpx.codes.OK
    described: dict[str, Any] = answer.json()
    return described


def test_the_document_has_every_operation_of_the_contract(document: dict[str, Any]) -> None:
    account = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Media/mediaServices/{account}"
    operations = {
        f"{method} {path.removeprefix(account)}" for path, methods in document["paths"].items() for method in methods
    }
    job = "/transforms/{transform}/jobs/{job}"
    assert operations >= {
        "get ",
        *(f"{method} /{kind}" for method in ("get",) for kind in ("assets", "transforms")),
        *(f"{method} /assets/{{asset}}" for method in ("get", "put", "patch", "delete")),
        *(f"{method} /transforms/{{transform}}" for method in ("get", "put", "patch", "delete")),
        *(f"{method} {job}" for method in ("get", "put", "patch", "delete")),
        "get /transforms/{transform}/jobs",
        f"post {job}/cancelJob",
        "post /assets/{asset}/listContainerSas",
        "post /assets/{asset}/listStreamingLocators",
    }


def test_the_document_names_the_version_that_serves_it(document: dict[str, Any]) -> None:
    assert document["info"]["version"] == "2023-01-01"
    assert f"redactor {redactor.__version__}" in document["info"]["description"]


def test_the_documents_page_shows_it_and_loads_nothing_from_elsewhere(service: Service) -> None:
    page = service.http.get("/docs")
    assert page.status_code == httpx.codes.OK
    assert "/openapi.json" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    linked = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert len(linked) == 3
    for address in linked:
        assert address == "data:," or service.http.get(address).status_code == httpx.codes.OK


@pytest.mark.parametrize(
    ("mode", "statuses"),
    [(GenerationMode.POSITIVE, {"200", "201", "400", "404"}), (GenerationMode.NEGATIVE, {"400", "404"})],
)
def test_generated_requests_are_answered_as_the_document_says(
    service: Service, document: dict[str, Any], mode: GenerationMode, statuses: set[str]
) -> None:
    here = {"subscription": SUBSCRIPTION, "group": GROUP, "account": service.account}
    headers = {"authorization": f"Bearer {service.token()}"}
    authority = str(service.deployment.certificates.authority)
    asked: set[str] = set()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok), "the document is not valid"
        operation = found.ok()

        @SETTINGS
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def check(case: Any) -> None:
            case.path_parameters.update({key: value for key, value in here.items() if key in case.path_parameters})
            case.query = {**(case.query or {}), "api-version": "2022-07-01"}
            answer = case.call(base_url=service.url, headers=headers, verify=authority)
            case.validate_response(answer, checks=CHECKS)
            asked.add(f"{answer.status_code}")

        check()
    assert asked >= statuses
