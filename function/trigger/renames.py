"""Former names of videos, by the folders that were renamed. Folders may be renamed one after the other and nested."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from trigger.progress import RenamedFolder

MOST_NAMES = 16  # of one video, since each costs a request


class Renames:
    def __init__(self, folders: Iterable[RenamedFolder]) -> None:
        self._former: dict[str, list[str]] = defaultdict(list)
        for folder in folders:
            self._former[folder.path] += folder.former

    def former(self, name: str) -> list[str]:
        """Return the names that a blob had before, in any order of the events. The latest are first."""
        names = [name]
        for each in names:  # which grows
            for path in _folders(each):
                for former in self._former.get(path, ()):
                    if (before := former + each.removeprefix(path)) not in names and len(names) <= MOST_NAMES:
                        names.append(before)
        return names[1:]


def needless(folders: Iterable[RenamedFolder], needed: Iterable[RenamedFolder]) -> list[RenamedFolder]:
    """Return the folders that say nothing about former names of what is in `needed`, directly or through others."""
    rest, following = list(folders), list(needed)
    while following:
        found = [each for each in rest if any(_leads(later, each) for later in following)]
        rest = [each for each in rest if each not in found]
        following = found
    return rest


def _leads(later: RenamedFolder, earlier: RenamedFolder) -> bool:
    return any(former.startswith(earlier.path) or earlier.path.startswith(former) for former in later.former)


def _folders(name: str) -> Iterator[str]:
    """Yield the paths of all folders that the blob is in, the innermost first."""
    end = name.rfind("/")
    while end >= 0:
        yield name[: end + 1]
        end = name.rfind("/", 0, end)
