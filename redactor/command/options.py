"""Options of the command line, in the groups that the help shows."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from redactor.options import BlurType, Damaged, Projection, Quality, Resolution
from redactor.reports.reporting import ProgressStyle

DETECTION: Final = "Detection"
COVERING: Final = "Covering"
TWO_PASSES: Final = "Two passes"
OUTPUT: Final = "Output"


class Mode(StrEnum):
    """The FaceDetectorPreset's modes that `redactor redact` has."""

    COMBINED = "combined"
    REDACT = "redact"


ResolutionOption = Annotated[
    Resolution,
    typer.Option(
        help="Size of the picture in which faces are detected. The output keeps the input's size.",
        rich_help_panel=DETECTION,
    ),
]
ProjectionOption = Annotated[
    Projection,
    typer.Option(
        help="auto: as the file says. equirectangular: a 360° picture, whose left and right edges meet.",
        rich_help_panel=DETECTION,
    ),
]
QualityOption = Annotated[Quality, typer.Option(help="Effort spent on detecting faces.", rich_help_panel=DETECTION)]
DamagedOption = Annotated[
    Damaged,
    typer.Option(
        help="refuse: damaged input ends the run. salvage: repeat the last good picture instead of damaged ones.",
        rich_help_panel=OUTPUT,
    ),
]
ProgressOption = Annotated[
    ProgressStyle,
    typer.Option(help="auto: a bar on a terminal, else nothing. json: one object per line.", rich_help_panel=OUTPUT),
]
DoubtfulOption = Annotated[
    Path | None,
    typer.Option(metavar="JSON", help="Also write the places that deserve a look to a file.", rich_help_panel=OUTPUT),
]
PreviewOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PNG",
        help="Also draw some frames with their times: of OUT, or the analysed video with outlined faces.",
        rich_help_panel=OUTPUT,
    ),
]
BlurTypeOption = Annotated[
    BlurType,
    typer.Option(help="How faces are hidden. Box and Low do not protect anyone.", rich_help_panel=COVERING),
]
ModeOption = Annotated[
    Mode,
    typer.Option(
        help="combined: detect and cover. redact: cover the people in --annotations, without detection.",
        rich_help_panel=TWO_PASSES,
    ),
]
CrfOption = Annotated[
    int, typer.Option(help="The encoder's rate factor, 0 (lossless) to 51 (worst).", rich_help_panel=OUTPUT)
]
AnnotationsOption = Annotated[
    Path | None, typer.Option(help="The file that `analyze` wrote, edited or not.", rich_help_panel=TWO_PASSES)
]
PartialOption = Annotated[
    bool,
    typer.Option(
        "--partial-annotations",
        help="Accept annotations that end before the video. Nobody is covered from there.",
        rich_help_panel=TWO_PASSES,
    ),
]
DecisionsOption = Annotated[
    Path | None,
    typer.Option(help="A review's decisions: people, drawings, zones, sound.", rich_help_panel=TWO_PASSES),
]
IdListOption = Annotated[
    Path | None,
    typer.Option(help="A file of ids to cover, one per line. A blank file means all.", rich_help_panel=TWO_PASSES),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print the summary or error as one JSON object on stdout.", rich_help_panel=OUTPUT),
]
