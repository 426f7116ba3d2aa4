"""Event Grid's filter of a subscription, as the graph declares it.

Source: learn.microsoft.com "Understand event filtering for Event Grid subscriptions".
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

type Event = dict[str, Any]

SETTINGS = {
    "advancedFilters",
    "enableAdvancedFilteringOnArrays",
    "includedEventTypes",
    "isSubjectCaseSensitive",
    "subjectBeginsWith",
    "subjectEndsWith",
}
TOP_LEVEL = {"id", "topic", "subject", "eventtype", "dataversion"}
MOST_FILTERS = 25
MOST_VALUES = 25


class FilterError(ValueError):
    """A declared filter that Event Grid would refuse. The message is one line that names the setting."""


@dataclass(frozen=True)
class AdvancedFilter:
    """One condition on one key of an event. If the key is missing, the operator decides."""

    operator: str
    key: str
    values: tuple[Any, ...]

    def admits(self, event: Event) -> bool:
        return OPERATORS[self.operator](_lookup(event, self.key), self.values)


@dataclass(frozen=True)
class EventFilter:
    """Conditions that must all hold. Case matters in subjects if declared, and never in advanced filters."""

    event_types: frozenset[str] | None
    subject_begins_with: str
    subject_ends_with: str
    subject_case_sensitive: bool
    advanced: tuple[AdvancedFilter, ...]

    @classmethod
    def declared(cls, inputs: Mapping[str, Any]) -> "EventFilter":
        """Read the `filter` of an event subscription's inputs. Raises FilterError."""
        if unknown := set(inputs) - SETTINGS:
            raise FilterError(f"filter.{min(unknown)} is no setting of an event filter; there are {_list(SETTINGS)}")
        types = inputs.get("includedEventTypes")
        advanced = tuple(_advanced(number, item) for number, item in enumerate(inputs.get("advancedFilters") or ()))
        if len(advanced) > MOST_FILTERS:
            raise FilterError(f"filter.advancedFilters has {len(advanced)} entries; at most {MOST_FILTERS} are allowed")
        if (values := sum(len(item.values) for item in advanced)) > MOST_VALUES:
            raise FilterError(f"filter.advancedFilters has {values} values; at most {MOST_VALUES} are allowed")
        return cls(
            event_types=frozenset(types) if types else None,
            subject_begins_with=inputs.get("subjectBeginsWith") or "",
            subject_ends_with=inputs.get("subjectEndsWith") or "",
            subject_case_sensitive=bool(inputs.get("isSubjectCaseSensitive")),
            advanced=advanced,
        )

    def admits(self, event: Event) -> bool:
        if self.event_types is not None and event["eventType"] not in self.event_types:
            return False
        subject, begin, end = event["subject"], self.subject_begins_with, self.subject_ends_with
        if not self.subject_case_sensitive:
            subject, begin, end = subject.casefold(), begin.casefold(), end.casefold()
        return subject.startswith(begin) and subject.endswith(end) and all(item.admits(event) for item in self.advanced)


def _advanced(number: int, item: Mapping[str, Any]) -> AdvancedFilter:
    where = f"filter.advancedFilters[{number}]"
    operator, key = str(item.get("operatorType")), str(item.get("key") or "")
    if operator not in OPERATORS:
        raise FilterError(f"{where}.operatorType is {operator!r}; allowed are {_list(OPERATORS)}")
    if not key:
        raise FilterError(f"{where}.key is missing")
    values = item["values"] if "values" in item else [item["value"]] if "value" in item else []
    if not values and operator not in ("IsNotNull", "IsNullOrUndefined"):
        raise FilterError(f"{where} has nothing to compare {key} with")
    return AdvancedFilter(operator, key, tuple(values))


def _lookup(event: Event, key: str) -> Any:
    """Return the value under a dotted key, or None. Top-level names are documented capitalised (`Subject`)."""
    first, *rest = key.split(".")
    if first.casefold() in TOP_LEVEL:
        return next((value for name, value in event.items() if name.casefold() == first.casefold()), None)
    value: Any = event.get(first)
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


type _Operator = Callable[[Any, Sequence[Any]], bool]


def _text(compare: Callable[[str, str], bool]) -> _Operator:
    def operator(value: Any, wanted: Sequence[Any]) -> bool:
        return isinstance(value, str) and any(compare(value.casefold(), item.casefold()) for item in wanted)

    return operator


def _number(compare: Callable[[float, Any], bool]) -> _Operator:
    def operator(value: Any, wanted: Sequence[Any]) -> bool:
        return _is_number(value) and any(compare(value, item) for item in wanted)

    return operator


def _not(operator: _Operator) -> _Operator:
    return lambda value, wanted: not operator(value, wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(names: Any) -> str:
    return ", ".join(sorted(names))


_IN = _text(lambda value, wanted: value == wanted)
_BEGINS = _text(str.startswith)
_ENDS = _text(str.endswith)
_CONTAINS = _text(lambda value, wanted: wanted in value)
_NUMBER_IN = _number(lambda value, wanted: value == wanted)
_NUMBER_IN_RANGE = _number(lambda value, wanted: wanted[0] <= value <= wanted[1])
OPERATORS: Mapping[str, _Operator] = {
    "BoolEquals": lambda value, wanted: isinstance(value, bool) and value == wanted[0],
    "IsNotNull": lambda value, _: value is not None,
    "IsNullOrUndefined": lambda value, _: value is None,
    "NumberGreaterThan": _number(lambda value, wanted: value > wanted),
    "NumberGreaterThanOrEquals": _number(lambda value, wanted: value >= wanted),
    "NumberIn": _NUMBER_IN,
    "NumberInRange": _NUMBER_IN_RANGE,
    "NumberLessThan": _number(lambda value, wanted: value < wanted),
    "NumberLessThanOrEquals": _number(lambda value, wanted: value <= wanted),
    "NumberNotIn": _not(_NUMBER_IN),
    "NumberNotInRange": _not(_NUMBER_IN_RANGE),
    "StringBeginsWith": _BEGINS,
    "StringContains": _CONTAINS,
    "StringEndsWith": _ENDS,
    "StringIn": _IN,
    "StringNotBeginsWith": _not(_BEGINS),
    "StringNotContains": _not(_CONTAINS),
    "StringNotEndsWith": _not(_ENDS),
    "StringNotIn": _not(_IN),
}
