"""The note on replaced pictures in an output's own metadata, which are settled before the first picture is."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from redactor.results import Replaced

LENGTH: Final = 1024  # bytes that are reserved


class SalvageNote:
    """Reserves the room with `placeholder`, which is to be replaced with `text`, of the same length."""

    def __init__(self) -> None:
        self.placeholder = secrets.token_hex(LENGTH // 2)

    def text(self, replaced: Sequence[Replaced]) -> str:
        """Return JSON, filled up with blanks: all stretches in seconds if they fit, or how many frames in between."""
        whole = json.dumps({"replaced": [asdict(one) for one in replaced]})
        if len(whole) > LENGTH:
            frames = sum(one.frames for one in replaced)
            ends = {"start": replaced[0].start, "end": replaced[-1].end}
            whole = json.dumps({"replaced": [{**ends, "frames": frames}], "stretches": len(replaced)})
        return whole.ljust(LENGTH)
