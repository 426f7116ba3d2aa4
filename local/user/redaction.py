"""Redact videos through a local cloud: upload, follow, download, show."""

import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import httpx
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from local.cloud import Cloud, Options
from local.host import interrupts
from local.user.display import Display, report, report_all
from local.user.job_log import JobLog
from local.user.journey import EventLog, Journey, JourneyError, closing
from local.user.media_client import MediaClient

POLL_SECONDS = 0.1
ROOT = Path(__file__).parents[2]


def media_client(cloud: Cloud) -> MediaClient:
    """Return a client with the rights of the person at the keyboard."""
    return MediaClient(
        cloud.media_url,
        cloud.media.resource_group,
        cloud.media.account,
        cloud.entra.credential(),
        cloud.media.audience,
        cloud.graph.exports["resultsIn"],
    )


def redact(videos: Sequence[Path], options: Options, out: Path) -> list[str]:
    """Redact all videos in parallel into the folder `out`. Return a line for each that failed.

    Raises the errors of Cloud.
    """
    display, events, jobs = Display(), EventLog(), JobLog()
    failures: list[str] = []
    listening = Cloud(options, on_step=display.step, on_event=events, on_job_event=jobs)
    with display.running(), listening as cloud:
        started = display.started()
        with closing(media_client(cloud)) as client:
            heard = jobs if cloud.publishes_job_events else None
            journeys = [Journey(video, client, events, out, heard) for video in videos]
            _upload(journeys, cloud, display)
            failures += _follow(journeys, display)
    for journey in journeys:
        if journey.result:
            report(journey, started, _picture(journey), in_one_line=len(videos) > 1)
    if len(videos) > 1:
        report_all(len(videos) - len(failures), len(videos))
    return failures


def _upload(journeys: Sequence[Journey], cloud: Cloud, display: Display) -> None:
    account, _, container = cloud.graph.exports["uploadTo"].rpartition("/")
    with BlobServiceClient(account, credential=cloud.entra.credential()) as lake:
        for journey in journeys:
            display.show(journey, uploading=0)
            with lake.get_blob_client(container, journey.video.name) as blob:
                journey.upload(blob, partial(_show_upload, display, journey))
            display.show(journey)


def _show_upload(display: Display, journey: Journey, percent: float) -> None:
    display.show(journey, uploading=percent)


def _follow(journeys: Sequence[Journey], display: Display) -> list[str]:
    failures: list[str] = []
    waiting = list(journeys)
    while waiting:
        for journey in list(waiting):
            interrupts.ours.check()
            try:
                journey.advance()
                display.show(journey)
            except JourneyError as error:
                failures.append(str(error))
                waiting.remove(journey)
            except (httpx.HTTPError, AzureError) as error:
                failures.append(f"{journey.video.name}: the media service does not answer: {error}")
                waiting.remove(journey)
            else:
                if journey.result:
                    waiting.remove(journey)
        time.sleep(POLL_SECONDS)
    return failures


def _picture(journey: Journey) -> Path | None:
    assert journey.result
    picture = journey.result.path.with_name(f"{journey.video.stem}_before_after.png")
    files = [str(file.absolute()) for file in (journey.video, journey.result.path, picture)]
    command = [sys.executable, "-m", "redactor", "compare", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:  # the redacted video exists all the same
        return None
    return picture
