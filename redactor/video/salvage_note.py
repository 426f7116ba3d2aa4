"""The note on replaced pictures in an output's metadata, which must be written before the first picture."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from redactor.results import Replaced

LENGTH: Final = 1024  # reserved bytes


class SalvageNote:
    """Reserves space by `placeholder`. Replace it later by `text` of the same length."""

    def __init__(self) -> None:
        self.placeholder = secrets.token_hex(LENGTH // 2)

    def text(self, replaced: Sequence[Replaced]) -> str:
        """Return JSON padded with blanks: all periods in seconds if they fit, otherwise one that contains all."""
        whole = json.dumps({"replaced": [asdict(one) for one in replaced]})
        if len(whole) > LENGTH:
            frames = sum(one.frames for one in replaced)
            ends = {"start": replaced[0].start, "end": replaced[-1].end}
            whole = json.dumps({"replaced": [{**ends, "frames": frames}], "stretches": len(replaced)})
        return whole.ljust(LENGTH)
