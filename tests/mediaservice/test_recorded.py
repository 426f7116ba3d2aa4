"""Rows and messages that an earlier version has written: this one reads them, and brings their jobs to an end."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.media.models import Job as ListedJob
from pydantic import TypeAdapter

from local.services.entra import Entra
from mediaservice.model.assets import Asset
from mediaservice.model.job_events import Event
from mediaservice.model.jobs import Job
from mediaservice.model.transforms import Transform
from mediaservice.store.tables.schema import SCHEMA
from mediaservice.store.work import Ticket
from tests.mediaservice.deployment import GROUP, Deployment, Pipeline, serving
from tests.mediaservice.recording import CANCELED, FAILED, FINISHED, HELD, INPUT, OWN, RECORDED, SEVERAL, WAITING, load
from tests.mediaservice.test_upgrade import with_stand_in

FORMS = Path(__file__).with_name("forms.json")


@pytest.fixture(scope="module")
def upgraded(
    deploy: Callable[[], Deployment], entra: Entra, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    """This version on recorded rows, after its workers have found the queue empty."""
    folder = tmp_path_factory.mktemp("work")
    deployment = with_stand_in(deploy(), folder)
    load(deployment, json.loads(RECORDED.read_text()))
    with serving(deployment, entra) as service, service.client() as client:
        pipeline = Pipeline(service, deployment, client, folder)
        while pipeline.messages():
            pipeline.work()
        yield pipeline


@pytest.mark.parametrize(("name", "transform"), [(WAITING, "faceredact"), (SEVERAL, OWN), (HELD, "faceredact")])
def test_a_recorded_job_that_waits_or_was_held_is_finished(upgraded: Pipeline, name: str, transform: str) -> None:
    job = upgraded.job(name, transform)
    assert (job.state, job.outputs[0].error) == ("Finished", None)
    asset = upgraded.media.assets.get(GROUP, upgraded.service.account, name)
    assert "clip_redacted.mp4" in upgraded.files(str(asset.container))


def test_recorded_jobs_are_listed_as_they_ended(upgraded: Pipeline) -> None:
    listed: list[ListedJob] = list(upgraded.media.jobs.list(GROUP, upgraded.service.account, "faceredact"))
    states = {job.name: job.state for job in listed}
    assert states == {
        WAITING: "Finished",
        HELD: "Finished",
        FINISHED: "Finished",
        FAILED: "Error",
        CANCELED: "Canceled",
    }
    (failed,) = [job for job in listed if job.name == FAILED]
    (output,) = failed.outputs or []
    assert output.error and output.error.message == "no video"


def test_recorded_assets_and_transforms_are_found_and_changed(upgraded: Pipeline) -> None:
    account = upgraded.service.account
    (asset,) = upgraded.media.assets.list(GROUP, account, filter="properties/alternateId eq 'other input'")
    assert (asset.name, asset.description) == (INPUT, "Ünï")
    transform = upgraded.media.transforms.get(GROUP, account, OWN)
    transform.description = "changed"
    upgraded.media.transforms.create_or_update(GROUP, account, OWN, transform)
    assert upgraded.media.transforms.get(GROUP, account, OWN).description == "changed"


def bare(form: Any) -> Any:
    """Return a JSON schema without its texts."""
    if isinstance(form, dict):
        return {
            key: bare(value) for key, value in form.items() if not (key == "description" and isinstance(value, str))
        }
    return [bare(each) for each in form] if isinstance(form, list) else form


def test_what_is_stored_has_the_form_of_this_schema() -> None:
    """Without a new `SCHEMA` for a new form, processes of the version before drop what they do not know.

    docs/upgrade.md has the rules. The failing test has written the new form beside the old one.
    """
    stored = {"job": Job, "asset": Asset, "transform": Transform, "events": tuple[Event, ...], "message": Ticket}
    forms = {name: bare(TypeAdapter(kind).json_schema()) for name, kind in stored.items()}
    found = json.dumps({"schema": SCHEMA, **forms}, indent=1) + "\n"
    if found != FORMS.read_text():
        FORMS.with_suffix(".new.json").write_text(found)
    assert json.loads(FORMS.read_text()) == json.loads(found)
