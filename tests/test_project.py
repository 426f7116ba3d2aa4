"""Text that no file of the project may contain."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent
# Written so that this file is not found by them.
A_MACHINE = re.compile(r"(?<![\w.])/(?:root|home|Users|work)/(?=\w)")
A_REGISTRY = re.compile(r"https?://[^\s/\"']*(?:registry[.]npmjs|pypi[.]|pythonhosted|artifact|nexus|jfrog)")


def test_no_file_names_a_machine_or_where_its_packages_came_from() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    assert files
    found = []
    for file in files:
        if not file.is_file() or file.suffix in {".jpg", ".png"}:
            continue
        text = file.read_text(errors="replace")
        for pattern in (A_MACHINE, A_REGISTRY):
            if match := pattern.search(text):
                found.append(f"{file.relative_to(ROOT)}: {match[0]}")
    assert found == []
