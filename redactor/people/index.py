"""An analysis as a page for people: everybody with views, times and size. It has no scripts and loads nothing."""

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from redactor.people.presence import Presence

MOST_TIMES: Final = 12  # stretches that are listed of one person
STYLE: Final = """
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem; color-scheme: light dark; max-width: 70rem }
ol { list-style: none; padding: 0; display: grid; gap: 1rem }
ol { grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)) }
li { border: 1px solid #8888; border-radius: .5rem; padding: 1rem }
h2 { margin: 0 0 .5rem; font-size: 1.1rem } p { margin: .5rem 0 0 } img { height: 6rem; border-radius: .25rem }
""".strip()
POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(video: str, people: Mapping[int, Presence], views: Mapping[int, Sequence[bytes]]) -> Iterator[str]:
    """Yield the page in parts. `views` are JPEGs of each person, the best one first."""
    name = html.escape(video)
    yield (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>People in {name}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>People in {name}</h1>\n"
        f"<p>{_counted(len(people), 'person', 'people')}. One person may have several numbers.</p>\n<ol>\n"
    )
    for id_ in sorted(people):
        yield _entry(id_, people[id_], views.get(id_, ()))
    yield "</ol>\n</body>\n</html>\n"


def clock(seconds: Fraction) -> str:
    """Return minutes and seconds, with hours from one hour on."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02}.{rest % 10}"


def _entry(id_: int, presence: Presence, views: Sequence[bytes]) -> str:
    pictures = "".join(
        f'<img src="data:image/jpeg;base64,{base64.b64encode(view).decode()}" alt="View {number} of person {id_}"> '
        for number, view in enumerate(views, 1)
    )
    times = [f"{clock(start)} to {clock(end)}" for start, end in presence.stretches[:MOST_TIMES]]
    if more := len(presence.stretches) - MOST_TIMES:
        times += [f"{more} more"] if more > 0 else []
    return (
        f'<li id="person-{id_}"><h2>Person {id_}</h2>{pictures or "no view"}'
        f"<p>{_counted(round(presence.seconds), 'second', 'seconds')} on screen, up to {round(presence.height)} pixels "
        f"high</p><p>{', '.join(times)}</p></li>\n"
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"
