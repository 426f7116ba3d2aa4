"""Metrics of the work on a video, for the metadata of its output and for the log."""

from dataclasses import astuple, dataclass
from typing import Self


@dataclass(frozen=True)
class JobMetrics:
    faces: int = 0
    frames: int = 0
    frames_with_faces: int = 0
    doubtful_places: int = 0
    download_seconds: float = 0.0
    redact_seconds: float = 0.0
    upload_seconds: float = 0.0

    def __add__(self, other: "JobMetrics") -> Self:
        return type(self)(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))

    def metadata(self) -> dict[str, str]:
        return {
            "faces": str(self.faces),
            "frames": str(self.frames),
            "framesWithFaces": str(self.frames_with_faces),
            "doubtfulPlaces": str(self.doubtful_places),
            "downloadSeconds": f"{self.download_seconds:.3f}",
            "redactSeconds": f"{self.redact_seconds:.3f}",
            "uploadSeconds": f"{self.upload_seconds:.3f}",
        }
