"""Rows and messages as a version of the service wrote them, recorded for later versions."""

import json
from pathlib import Path
from typing import Any

import psutil
from azure.mgmt.media.models import (
    Asset,
    FaceDetectorPreset,
    Job,
    JobInput,
    JobInputAsset,
    JobInputs,
    JobOutputAsset,
    Transform,
    TransformOutput,
)

from tests.mediaservice.deployment import GROUP, Deployment, Pipeline
from tests.mediaservice.rows import Row, rows
from tests.mediaservice.worker.test_jobs_end_to_end import engines

RECORDED = Path(__file__).with_name("recorded.json")
WAITING, CANCELED, FINISHED, FAILED, HELD = "waiting", "canceled", "finished", "failed", "held"
INPUT, HELD_INPUT, SEVERAL = "input", "held-input", "several"
OWN = "own"  # a transform


def make(pipeline: Pipeline) -> None:
    """Bring an account with nothing in it into the state that is recorded."""
    account, media = pipeline.service.account, pipeline.media
    log = pipeline.folder / "held.log"
    held = {"log": str(log), "wait_for": str(pipeline.folder / "never")}
    with pipeline.deployment.blobs as blobs:
        for name, content in ((INPUT, {}), (HELD_INPUT, held)):
            asset = Asset(alternate_id=f"other {name}", description="Ünï")
            container = media.assets.create_or_update(GROUP, account, name, asset).container
            blobs.get_blob_client(str(container), "clip.mp4").upload_blob(json.dumps(content))
    preset = FaceDetectorPreset(mode="Combined", blur_type="Black")
    media.transforms.create_or_update(
        GROUP, account, OWN, Transform(description="Its own", outputs=[TransformOutput(preset=preset)])
    )
    pipeline.submit(FINISHED, {})
    failure = {"code": "ContentMalformed", "message": "no video"}
    pipeline.submit(FAILED, {"fail": failure})
    pipeline.work()
    pipeline.submit(CANCELED, {})
    pipeline.cancel(CANCELED)
    pipeline.work()
    _submit(pipeline, HELD, "faceredact", JobInputAsset(asset_name=HELD_INPUT))
    with pipeline.start() as worker:
        pipeline.until(lambda: engines(log, "begun"))
        pipeline.until(lambda: pipeline.job(HELD).outputs[0].progress == 50)
        psutil.Process(worker.pid).kill()
    given = JobInputAsset(asset_name=INPUT, files=["clip.mp4"], label="in")
    _submit(pipeline, WAITING, "faceredact", given)
    _submit(pipeline, SEVERAL, OWN, JobInputs(inputs=[given]))


def _submit(pipeline: Pipeline, name: str, transform: str, work: JobInput) -> None:
    """A job whose input does not depend on this machine's addresses."""
    account, media = pipeline.service.account, pipeline.media
    media.assets.create_or_update(GROUP, account, name, Asset())
    data = {"source": f"https://lake/{name}"}
    job = Job(input=work, outputs=[JobOutputAsset(asset_name=name)], priority="High", correlation_data=data)
    media.jobs.create(GROUP, account, transform, name, job)


def record(pipeline: Pipeline) -> dict[str, Any]:
    with pipeline.queue() as queue:
        messages = [str(each.content) for each in queue.peek_messages(max_messages=32)]
    return {"messages": sorted(messages), **rows(pipeline.deployment)}


def load(deployment: Deployment, recorded: dict[str, Any]) -> None:
    """Put recorded rows and messages into an account with nothing in it, and containers for its assets."""
    content = dict(recorded)
    with deployment.queues as queues, queues.get_queue_client(deployment.environment["JOBS_QUEUE"]) as queue:
        for message in content.pop("messages"):
            queue.send_message(message, time_to_live=-1)
    with deployment.tables as tables:
        for name, kept in content.items():
            with tables.get_table_client(deployment.environment[name]) as table:
                for row in kept:
                    table.create_entity(row)
    with deployment.blobs as blobs:
        for row in content["ASSETS_TABLE"]:
            if row["RowKey"].startswith("n|"):
                asset = json.loads(row["Document0"])
                container = blobs.create_container(asset["container"])
                if asset["name"] in (INPUT, HELD_INPUT):
                    container.upload_blob("clip.mp4", b"{}")


def shape(recorded: dict[str, Any]) -> dict[str, set[str]]:
    """Return the columns and the documents' properties of each kind of row, and the keys of messages."""
    shapes: dict[str, set[str]] = {"messages": {key for each in recorded["messages"] for key in json.loads(each)}}
    for table, kept in recorded.items():
        for row in kept if table != "messages" else []:
            kind = f"{table} {row['RowKey'].split('|')[0]}"
            shapes.setdefault(kind, set()).update(_names(row))
    return shapes


def _names(row: Row) -> set[str]:
    document = "".join(str(row[key]) for key in sorted(row) if key.startswith("Document"))
    return {key for key in row if not key.startswith("Document")} | _below("Document", json.loads(document or "null"))


def _below(name: str, value: Any) -> set[str]:
    if isinstance(value, dict):
        return {name}.union(*(_below(f"{name}.{key}", each) for key, each in value.items()))
    if isinstance(value, list):
        return {name}.union(*(_below(name, each) for each in value))
    return {name}
