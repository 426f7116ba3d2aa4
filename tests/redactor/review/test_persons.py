"""Ids after splits are the same for the engine and for the page, in whichever order the splits are listed."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from redactor.errors import ConfigurationUnsupported
from redactor.review.decisions import Decisions, Person, Split, Visibility
from redactor.review.persons import Persons
from redactor.video.identity import VideoIdentity
from web.build import BIN, WEB

VIDEO = VideoIdentity("party.mp4", 1, 25.0, None, "")
CHAIN = (Split(5, 500, 21), Split(21, 900, 22), Split(22, 1300, 23))
TIMES = (0, 499, 500, 899, 900, 1299, 1300, 9000)


def decided(*splits: Split, people: tuple[Person, ...] = ()) -> Decisions:
    return Decisions(1000, VIDEO, splits=splits, people=people)


@pytest.mark.parametrize("splits", list(itertools.permutations(CHAIN)))
def test_the_order_in_which_splits_are_listed_does_not_matter(splits: tuple[Split, ...]) -> None:
    persons = Persons(decided(*splits, people=(Person(21, Visibility.SHOW),)), frozenset({5}))
    assert [persons.id_at(5, time) for time in TIMES] == [5, 5, 21, 21, 22, 22, 23, 23]
    assert persons.shown == {21}


@pytest.mark.parametrize(
    "splits",
    [
        (Split(21, 100, 22), Split(22, 200, 21)),
        (Split(21, 100, 21),),
        (Split(21, 100, 22),),
        (Split(5, 100, 21), Split(5, 200, 21)),
        (Split(5, 100, 5),),
    ],
)
def test_splits_of_nobody_and_ids_with_two_owners_are_refused(splits: tuple[Split, ...]) -> None:
    with pytest.raises(ConfigurationUnsupported, match=r"nobody|somebody has already"):
        Persons(decided(*splits), frozenset({5}))


@pytest.mark.browser
def test_the_page_and_the_engine_name_the_same_ids(tmp_path: Path) -> None:
    """Among them: two splits at one time, and one that is earlier than the one that makes its id."""
    cases = [
        *itertools.permutations(CHAIN),
        *itertools.permutations((Split(5, 500, 31), Split(5, 500, 21))),
        *itertools.permutations((Split(5, 900, 21), Split(21, 500, 22), Split(5, 1300, 23))),
    ]
    found = [[Persons(decided(*case), frozenset({5})).id_at(5, time) for time in TIMES] for case in cases]
    lists = [[{"id": one.id, "time": one.time, "into": one.into} for one in case] for case in cases]
    script = tmp_path / "own.mjs"
    script.write_text(f"""
        import {{ createServer }} from {json.dumps((WEB / "node_modules/vite/dist/node/index.js").as_uri())};
        const options = {{ root: {json.dumps(str(WEB))}, configFile: false, logLevel: "silent",
            server: {{ middlewareMode: true, ws: false, watch: null }}, optimizeDeps: {{ noDiscovery: true }} }};
        const server = await createServer(options);
        const {{ Identities }} = await server.ssrLoadModule("/src/model/people.ts");
        const own = (splits) => {json.dumps(TIMES)}.map((time) => new Identities({{ splits }}).own(5, time));
        console.log(JSON.stringify({json.dumps(lists)}.map(own)));
        await server.close();
    """)
    done = subprocess.run([BIN / "node", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == found
