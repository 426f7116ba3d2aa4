from pathlib import Path

import pytest

from local.services.timers import ScheduleError, Timers
from tests.local.conftest import Eventually, Running

APP = """
import os, azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(arg_name="timer", schedule="%WHEN%")
def clean_up(timer: func.TimerRequest):
    with open(os.environ["FIRED"], "a") as file:
        file.write(f"{timer.past_due} {sorted(timer.schedule_status)}\\n")
    if os.environ.get("FAILS"):
        raise RuntimeError("not today")
"""


def fired(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_a_timer_fires_at_the_times_that_a_setting_says(
    running: Running, eventually: Eventually, tmp_path: Path
) -> None:
    file = tmp_path / "fired"
    with running(APP, {"WHEN": "* * * * * *", "FIRED": str(file)}) as app:
        assert [(each.trigger, each.schedule) for each in app.functions] == [("timerTrigger", "* * * * * *")]
        with Timers(app):
            eventually(lambda: len(fired(file)) >= 2)
    assert set(fired(file)) == {"False ['Last', 'LastUpdated', 'Next']"}


def test_a_timer_that_fails_is_logged_and_fires_again(
    running: Running, eventually: Eventually, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "fired"
    with running(APP, {"WHEN": "* * * * * *", "FIRED": str(file), "FAILS": "1"}) as app, Timers(app):
        eventually(lambda: len(fired(file)) >= 2)
    assert "timer clean_up failed: RuntimeError: not today" in caplog.text


def test_a_schedule_that_no_setting_holds_means_no_functions(running: Running) -> None:
    with running(APP) as app:
        assert app.functions == ()
        assert "clean_up: %WHEN% does not resolve to the value of a setting" in str(app.error)


def test_a_schedule_that_cannot_be_read_is_named(running: Running) -> None:
    with (
        running(APP, {"WHEN": "every now and then"}) as app,
        pytest.raises(ScheduleError, match=r"^the schedule of clean_up"),
    ):
        Timers(app)


def test_an_app_without_timers_has_none_to_fire(running: Running) -> None:
    source = "import azure.functions as func\napp = func.FunctionApp()"
    with running(source) as app, Timers(app):
        assert app.functions == ()
