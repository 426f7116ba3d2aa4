"""`make preview`: the program previewed by the real engine, with the substitute for Azure, on an empty state.

It shows what `pulumi up` would make, and holds that to the policy pack's rules. No Azure account is needed.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.automation import CommandError
from pulumi.runtime.rpc import UNKNOWN as ENGINE_UNKNOWN

from local.graph.program import ProgramError, read_stack
from policy.rules import RULES, UNKNOWN, Declared
from tests.engine.azure import Azure
from tests.engine.engine import PROGRAM, VERSION, Engine, Run, copy_program, find_engine

TENANT = "99999999-8888-7777-6666-555555555555"
DEPLOYER = "11111111-0000-0000-0000-000000000000"


class _Nowhere:
    """The data plane of accounts, which a preview does not create."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a preview asks for {name}")


def preview(stack: str, folder: Path) -> Run:
    """Preview an empty stack in `folder`, and print the engine's messages. Raises CommandError."""
    found = find_engine()
    assert found
    program = copy_program(folder / "checkout")
    cache = PROGRAM / ".cache"  # the function's package may exist
    cache.mkdir(exist_ok=True)
    (program / ".cache").symlink_to(cache)
    with Engine(found, Azure(_Nowhere(), TENANT, DEPLOYER), {}) as engine:
        return engine.stack(program, stack).preview(on_output=lambda line: print(line, flush=True))


def breaches(run: Run) -> list[str]:
    """Return the breaches of the policy pack's rules by the previewed resources."""
    return [
        f"{rule.name}: {step.name}: {breach}"
        for step in run.steps
        for rule in RULES
        if ":" in step.kind and not step.kind.startswith(("pulumi", "face-redaction", "azuread"))
        for breach in rule.breaches(Declared(step.kind, _known(step.inputs)))
    ]


def _known(value: Any) -> Any:
    """Return inputs in the rules' form."""
    match value:
        case Mapping():
            return {key: _known(each) for key, each in value.items()}
        case list():
            return [_known(each) for each in value]
        case str() if value == ENGINE_UNKNOWN:
            return UNKNOWN
    return value


def main() -> int:
    """Return the exit code: 0 previewed, 1 refused by the engine or a rule, 2 not possible here."""
    parser = argparse.ArgumentParser(prog="make preview", description=__doc__)
    parser.add_argument("--stack", default="dev")
    stack = parser.parse_args().stack
    try:
        read_stack(PROGRAM, stack, {})
    except ProgramError as error:
        print(error, file=sys.stderr)
        return 2
    if find_engine() is None:
        print(f"the Pulumi CLI {VERSION} is not here; install it, or Go for .ci/build-pulumi", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="preview-"))
    try:
        run = preview(stack, folder)
    except CommandError:
        return 1  # the engine has printed the reason
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = breaches(run)
    for line in found:
        print(f"policy: {line}")
    print(f"policy: {len(RULES)} rules, {len(found)} breaches")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
