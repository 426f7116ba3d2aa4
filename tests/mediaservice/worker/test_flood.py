"""A flood of uploads outlasts its links, and every job still ends Finished. FLOOD_JOBS=2000 measures a large one."""

import json
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from azure.mgmt.media.models import Asset, Job, JobInputHttp, JobOutputAsset
from azure.storage.blob import BlobSasPermissions, generate_blob_sas

from tests.mediaservice.deployment import ACCOUNT_NAME, GROUP, Pipeline

JOBS = int(os.environ.get("FLOOD_JOBS", "24"))
WORKERS = 2
SECONDS_A_JOB = 5.0  # far more than one takes


def test_every_job_of_a_flood_whose_links_have_ended_is_finished(pipeline: Pipeline, name: str) -> None:
    container = f"raw-{uuid.uuid4().hex}"
    names = [f"{name}-{number:05}" for number in range(JOBS)]
    account = pipeline.service.account
    with pipeline.deployment.blobs as blobs:
        uploads = blobs.create_container(container)
        now = datetime.now(UTC)

        def submit(job: str) -> None:
            blob = uploads.upload_blob(f"{job}.mp4", json.dumps({}))
            ended = generate_blob_sas(
                ACCOUNT_NAME,
                container,
                f"{job}.mp4",
                account_key=pipeline.deployment.storage.account_key(ACCOUNT_NAME).named_key.key,
                permission=BlobSasPermissions(read=True),
                start=now - timedelta(days=2),
                expiry=now - timedelta(hours=1),
            )
            pipeline.media.assets.create_or_update(GROUP, account, job, Asset())
            given = JobInputHttp(files=[f"{blob.url}?{ended}"])
            made = Job(input=given, outputs=[JobOutputAsset(asset_name=job)])
            pipeline.media.jobs.create(GROUP, account, "faceredact", job, made)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(submit, names))
        url = uploads.url
    begun = time.monotonic()
    with ExitStack() as running:
        workers = [running.enter_context(pipeline.start(LAKE_UPLOADS=url)) for _ in range(WORKERS)]
        for worker in workers:
            assert worker.wait(JOBS * SECONDS_A_JOB) == 0, worker.tail()
    print(f"{JOBS} jobs by {WORKERS} workers took {time.monotonic() - begun:.0f} s")
    jobs = pipeline.media.jobs.list(GROUP, account, "faceredact")
    states = {str(job.name): job.state for job in jobs if str(job.name).startswith(name)}
    assert states == dict.fromkeys(names, "Finished")
