from azure.storage.blob import BlobServiceClient

from local.events.blob_watcher import BlobWatcher
from local.events.topic import Stage, Subscription, Topic
from local.services.azurite import Azurite
from local.services.entra import Entra
from tests.local.conftest import Eventually, Heard, Running

SOURCE = """
import azure.functions as func
app = func.FunctionApp()
@app.event_grid_trigger(arg_name="event")
def on_upload(event: func.EventGridEvent) -> None:
    print("got", event.get_json()["url"])
    if "bad" in event.subject:
        raise RuntimeError("not this one")
"""


def test_of_all_uploads_the_wanted_ones_reach_the_function(
    azurite: Azurite, entra: Entra, lake: str, unique: str, running: Running, heard: Heard, eventually: Eventually
) -> None:
    container = f"/blobServices/default/containers/{unique}/"
    with (
        running(SOURCE) as app,
        BlobServiceClient(lake, azurite.account_key("lake1")) as account,
        account.create_container(unique) as raw,
    ):
        subscription = Subscription.declared(
            {
                "eventSubscriptionName": "uploads",
                "filter": {"subjectBeginsWith": container, "subjectEndsWith": ".mp4"},
                "retryPolicy": {"maxDeliveryAttempts": 1},
            },
            endpoint=app.endpoint("on_upload"),
        )
        with (
            Topic([subscription], listener=heard) as topic,
            BlobWatcher("/lake", lake, entra.credential(), topic.publish),
        ):
            for name in ("notes.txt", "good.mp4", "bad.mp4"):
                raw.upload_blob(name, b"1")
            eventually(lambda: heard.has(Stage.DELIVERED) and heard.has(Stage.DROPPED))
            logged = app.process.log.read_text()
    assert heard.last(Stage.DELIVERED).event["subject"] == f"{container}blobs/good.mp4"
    assert heard.last(Stage.DROPPED).event["subject"] == f"{container}blobs/bad.mp4"
    assert f"got {lake}{unique}/good.mp4" in logged
    assert "RuntimeError: not this one" in logged
    assert "notes.txt" not in logged
