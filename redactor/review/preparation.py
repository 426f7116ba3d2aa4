"""Reads and checks decisions before a run, so that a bad document fails before any frame is read."""

from dataclasses import dataclass
from pathlib import Path

from redactor.errors import ConfigurationUnsupported
from redactor.options import Options
from redactor.people.annotations import Annotations
from redactor.people.provenance import check_video
from redactor.review.decisions import Decisions, digest
from redactor.review.persons import Persons
from redactor.review.reading import read
from redactor.video.identity import identity
from redactor.video.source import Source


@dataclass(frozen=True, slots=True)
class Review:
    """Decisions that fit their annotations. `persons` is None without annotations."""

    decisions: Decisions
    persons: Persons | None

    def check_video(self, source: Source) -> None:
        """Raise ConfigurationUnsupported if the decisions were made of another video."""
        check_video("decisions", self.decisions.video, identity(source.path))


def prepare(options: Options, annotations: Annotations | None) -> Review | None:
    """Read the decisions of `options`, if there are any. `annotations` are those of `options`.

    Raises ConfigurationUnsupported for a bad document, or one that belongs to other annotations.
    """
    if options.decisions is None:
        return None
    path = Path(options.decisions)
    decisions = read(path)
    if options.annotations is None or annotations is None:
        for place, id_ in decisions.named_ids():
            raise ConfigurationUnsupported(f"{path.name}: {place} names id {id_}, so its annotations are needed too")
        return Review(decisions, None)
    if decisions.annotations not in {None, digest(Path(options.annotations))}:
        raise ConfigurationUnsupported(
            f"{path.name}: was made for other annotations than {options.annotations}, or these were edited since"
        )
    return Review(decisions, Persons(decisions, annotations.ids))
