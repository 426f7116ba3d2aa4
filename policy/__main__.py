"""The rules as a Pulumi policy pack. A breach of any of them stops the update."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pulumi_policy import (  # type: ignore[import-not-found]  # in the pack's own environment
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError  # type: ignore[import-not-found]

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Pulumi runs this folder, not the package

from policy.rules import RULES, UNKNOWN, Declared, Rule, kind_of


def _known(values: Any) -> Any:
    """Return inputs as plain values. The SDK raises at the first unknown one, which would leave the rest unchecked."""
    if isinstance(values, Mapping):
        return {key: _at(values, key) for key in values}
    if isinstance(values, Sequence) and not isinstance(values, str | bytes):
        return [_at(values, index) for index in range(len(values))]
    return values


def _at(values: Any, key: Any) -> Any:
    try:
        return _known(values[key])
    except UnknownValueError:
        return UNKNOWN


def _validation(rule: Rule) -> ResourceValidation:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if kind := kind_of(args.resource_type):
            for breach in rule.breaches(Declared(kind, _known(args.props))):
                report(f"{args.name}: {breach}", None)

    return validate


PolicyPack(
    "face-redaction",
    [
        ResourceValidationPolicy(rule.name, rule.description, _validation(rule), EnforcementLevel.MANDATORY)
        for rule in RULES
    ],
)
