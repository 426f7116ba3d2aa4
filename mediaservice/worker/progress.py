"""The progress of a job's current output."""

from datetime import datetime

from mediaservice.model import states
from mediaservice.model.jobs import Job

DOWNLOADED, REDACTED = 5, 95  # percent of a source when that stage is over


class Progress:
    """Percent of the output `index`, over all of its sources."""

    def __init__(self) -> None:
        self.index = 0
        self.percent = 0
        self._source, self._sources = 0, 1

    def begin(self, index: int) -> None:
        """Start the output `index`."""
        self.index, self.percent = index, 0

    def begun(self, job: Job, now: datetime) -> Job:
        """Return the job with the output in progress."""
        return states.begin_output(job, self.index, now)

    def begin_source(self, number: int, of: int) -> None:
        """Start source `number`, counted from 0."""
        self._source, self._sources = number, of

    def reach(self, percent: float) -> None:
        """Record that `percent` of the current source is done."""
        self.percent = int((100 * self._source + percent) / self._sources)

    def redacted(self, percent: float) -> None:
        """Record that the engine has done `percent` of the current source."""
        self.reach(DOWNLOADED + percent * (REDACTED - DOWNLOADED) / 100)

    def written(self, job: Job, now: datetime) -> Job:
        """Return the job with this progress. A job that has just ended stays as it is."""
        return job if job.state.final else states.progress(job, self.index, self.percent, now)
