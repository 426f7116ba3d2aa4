from datetime import UTC, datetime

import pytest

from mediaservice.model.query import (
    ASSETS,
    JOBS,
    Condition,
    Operator,
    Order,
    QueryError,
    parse_filter,
    parse_order,
    parse_top,
)


@pytest.mark.parametrize(
    "text",
    [
        "properties/state eq Microsoft.Media.JobState'Processing'",
        "properties/state eq 'Processing'",
        "Properties/State EQ Microsoft.Media.JobState'Processing'",
        "properties.state eq 'Processing'",
    ],
)
def test_a_state_is_written_as_an_enumeration_or_a_text(text: str) -> None:
    assert parse_filter(text, JOBS) == ((Condition("properties/state", Operator.EQ, "Processing"),),)


def test_clauses_are_joined_by_and_which_binds_more_closely_than_or() -> None:
    text = "properties/created ge 2026-01-31T12:00:00Z and properties/state ne Microsoft.Media.JobState'Queued'"
    created = Condition("properties/created", Operator.GE, datetime(2026, 1, 31, 12, tzinfo=UTC))
    not_queued = Condition("properties/state", Operator.NE, "Queued")
    assert parse_filter(text, JOBS) == ((created, not_queued),)
    assert parse_filter(f"name eq 'a' or {text} OR name eq 'b'", JOBS) == (
        (Condition("name", Operator.EQ, "a"),),
        (created, not_queued),
        (Condition("name", Operator.EQ, "b"),),
    )


@pytest.mark.parametrize("time", ["2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.0000000Z", "2026-01-31T12:00:00"])
def test_times_are_taken_to_utc(time: str) -> None:
    ((condition,),) = parse_filter(f"properties/created gt {time}", JOBS)
    assert condition.value == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_a_quote_in_a_text_is_doubled() -> None:
    ((condition,),) = parse_filter("properties/alternateId eq 'it''s and so'", ASSETS)
    assert condition.value == "it's and so"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("properties/priority eq 'High'", "names 'properties/priority'; allowed are name, properties/state"),
        ("name gt 'a'", "compares name by 'gt'; allowed are eq"),
        ("name eq a", "must be in single quotes"),
        ("name eq 'a' xor name eq 'b'", "joined by `and` and `or` only"),
        (" or ".join(["name eq 'a'"] * 11), "at most 10 are allowed"),
        ("(name eq 'a'", "a parenthesis is not closed"),
        ("name eq 'a')", "not understood from"),
        ("()", "not understood"),
        ("(" * 100 + "name eq 'a'" + ")" * 100, "within more than 20"),
        ("(name eq 'a' or name eq 'b') and " * 4 + "name eq 'c'", "at most 10 are allowed"),
        ("properties/state eq 'Nonsense'", "it can be Queued, Scheduled, Processing, Finished"),
        ("name eq 'a' and", "not understood from 'and'"),
        ("properties/created gt yesterday", "must look like 2026-01-31T12:00:00Z"),
        ("startswith(name, 'a')", "not understood"),
        ("name eq 'a", "not understood"),
    ],
)
def test_a_filter_that_is_not_offered_is_refused_with_what_is(text: str, said: str) -> None:
    with pytest.raises(QueryError, match="filter") as refused:
        parse_filter(text, JOBS)
    assert said in str(refused.value)


def test_no_filter_means_no_conditions() -> None:
    assert parse_filter(None, JOBS) == ((),)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (None, None),
        ("name", Order("name", False)),
        ("properties/created desc", Order("properties/created", True)),
        ("properties/created asc", Order("properties/created", False)),
        ("NAME desc", Order("name", True)),
        ("properties.lastModified", Order("properties/lastModified", False)),
    ],
)
def test_orders(text: str | None, order: Order | None) -> None:
    assert parse_order(text, JOBS) == order


@pytest.mark.parametrize("text", ["properties/state", "name upwards", "name asc desc"])
def test_an_order_that_is_not_offered_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match=r"orderby.*allowed are name, properties/created, properties/lastModified"):
        parse_order(text, JOBS)


def test_assets_are_not_ordered_by_their_last_change() -> None:
    with pytest.raises(QueryError, match="allowed are name, properties/created, with"):
        parse_order("properties/lastModified", ASSETS)


@pytest.mark.parametrize("text", ["0", "-1", "ten", "1.5"])
def test_top_must_be_a_positive_number(text: str) -> None:
    with pytest.raises(QueryError, match="top"):
        parse_top(text)


@pytest.mark.parametrize("written", ["Microsoft.Media.JobState'finished'", "'FINISHED'", "'Finished'"])
@pytest.mark.parametrize("operator", ["eq", "ne"])
def test_a_state_is_understood_whatever_its_case(written: str, operator: str) -> None:
    ((condition,),) = parse_filter(f"properties/state {operator} {written}", JOBS)
    assert condition.value == "Finished"


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("(name eq 'a')", ["a"]),
        ("(name eq 'a') or (name eq 'b')", ["a", "b"]),
        ("((name eq 'a')or((name eq 'b')))", ["a", "b"]),
        ("(name eq 'a' or name eq 'b') and properties/state eq 'Queued'", ["a Queued", "b Queued"]),
        ("properties/state eq 'Queued' and (name eq 'a' or name eq 'b')", ["Queued a", "Queued b"]),
        ("(name eq 'a' or name eq 'b') and (name eq 'c' or name eq 'd')", ["a c", "a d", "b c", "b d"]),
        ("name eq 'a' or name eq 'b' and name eq 'c'", ["a", "b c"]),
        ("name eq '(a) or b'", ["(a) or b"]),
    ],
)
def test_parentheses_bind_first(text: str, alternatives: list[str]) -> None:
    read = parse_filter(text, JOBS)
    assert [" ".join(str(condition.value) for condition in conditions) for conditions in read] == alternatives


def test_a_time_may_stand_before_a_parenthesis() -> None:
    ((condition,),) = parse_filter("(properties/created gt 2026-01-31T12:00:00Z)", JOBS)
    assert isinstance(condition.value, datetime)
