from pathlib import Path

import av
import numpy as np
import pytest

from local.user.sample import sample_clip

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def clip(cache: Path) -> Path:
    return sample_clip(cache)


def test_is_six_seconds_of_moving_picture(clip: Path) -> None:
    with av.open(clip) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.width, video.height) == ("h264", 640, 360)
        assert video.average_rate == 25
        assert video.codec_context.pix_fmt == "yuv420p"
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(video)]
    assert len(frames) == 150
    assert min(np.abs(later - earlier).mean() for earlier, later in zip(frames, frames[5:], strict=False)) > 1


def test_has_sound_that_changes_and_is_quiet(clip: Path) -> None:
    with av.open(clip) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == "aac"
        wave = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio)])
    assert 0.05 < np.abs(wave).max() < 0.3
    half_seconds = [np.abs(np.fft.rfft(wave[i : i + 24_000])).argmax() for i in range(0, 5 * 48_000, 24_000)]
    assert len(set(half_seconds)) > 4  # the loudest pitch of each


def test_is_made_once(clip: Path, cache: Path) -> None:
    made = clip.stat().st_mtime_ns
    assert sample_clip(cache) == clip
    assert clip.stat().st_mtime_ns == made
    assert [path.name for path in clip.parent.iterdir()] == ["astronaut.mp4"]
