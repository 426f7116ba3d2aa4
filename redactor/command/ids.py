"""Lists of ids, as typed or in a file."""

from pathlib import Path

from redactor.errors import ConfigurationUnsupported


def chosen_ids(ids: str, id_list: Path | None) -> frozenset[int] | None:
    """Return the ids of `--ids` or `--id-list`, or None for all."""
    if ids and id_list:
        raise ConfigurationUnsupported("--ids and --id-list: only one of them can be given")
    return _listed_ids(id_list) if id_list else parsed_ids("--ids", ids)


def parsed_ids(option: str, text: str) -> frozenset[int] | None:
    """Parse `1,2`. Return None for blank text."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isascii() and part.isdecimal() for part in parts):
        raise ConfigurationUnsupported(f"{option}: {text!r} is not a list of numbers such as 1,2")
    return frozenset(map(int, parts)) or None


def _listed_ids(path: Path) -> frozenset[int] | None:
    """Parse a file like the FaceDetectorPreset's IDList.txt. Return None if it is blank."""
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise ConfigurationUnsupported(f"{path}: cannot be read ({error.strerror})") from error
    for number, line in enumerate(lines, 1):
        if line.strip() and not (line.strip().isascii() and line.strip().isdecimal()):
            raise ConfigurationUnsupported(f"{path.name}: line {number}, {line.strip()[:40]!r}, is no id")
    return frozenset(int(line) for line in lines if line.strip()) or None
