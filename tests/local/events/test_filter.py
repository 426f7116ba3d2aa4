from typing import Any

import pytest

from local.events.filter import EventFilter, FilterError

EVENT: dict[str, Any] = {
    "id": "1",
    "eventType": "Microsoft.Storage.BlobCreated",
    "subject": "/blobServices/default/containers/raw/blobs/Ordner/Clip.MP4",
    "data": {"api": "PutBlob", "contentLength": 5, "flag": True, "nothing": None, "deep": {"er": "x"}},
    "dataVersion": "",
}


def admits(**inputs: Any) -> bool:
    return EventFilter.declared(inputs).admits(EVENT)


def advanced(operator: str, key: str, **comparison: Any) -> bool:
    return admits(advancedFilters=[{"operatorType": operator, "key": key, **comparison}])


def test_without_conditions_everything_is_wanted() -> None:
    assert admits()


def test_event_types_are_a_list_of_the_wanted() -> None:
    assert admits(includedEventTypes=["Microsoft.Storage.BlobCreated"])
    assert not admits(includedEventTypes=["Microsoft.Storage.BlobDeleted"])


def test_case_matters_in_a_subject_only_if_declared() -> None:
    begin, end = "/blobServices/default/containers/RAW/", ".mp4"
    assert admits(subjectBeginsWith=begin, subjectEndsWith=end)
    assert not admits(subjectBeginsWith=begin, isSubjectCaseSensitive=True)
    assert not admits(subjectEndsWith=end, isSubjectCaseSensitive=True)


def test_a_prefix_with_its_slash_does_not_match_a_longer_container_name() -> None:
    assert not admits(subjectBeginsWith="/blobServices/default/containers/ra/")


@pytest.mark.parametrize(
    ("operator", "key", "comparison", "wanted"),
    [
        ("StringIn", "data.api", {"values": ["FlushWithClose", "putblob"]}, True),
        ("StringIn", "data.api", {"values": ["PutBlo"]}, False),
        ("StringIn", "data.missing", {"values": ["x"]}, False),
        ("StringNotIn", "data.api", {"values": ["PutBlob"]}, False),
        ("StringNotIn", "data.missing", {"values": ["x"]}, True),
        ("StringBeginsWith", "Subject", {"values": ["/blobservices/"]}, True),
        ("StringNotBeginsWith", "Subject", {"values": ["/blobservices/"]}, False),
        ("StringEndsWith", "subject", {"values": [".mov", ".mp4"]}, True),
        ("StringNotEndsWith", "subject", {"values": [".mov", ".mp4"]}, False),
        ("StringContains", "subject", {"values": ["ordner"]}, True),
        ("StringNotContains", "subject", {"values": ["ordner"]}, False),
        ("StringIn", "data.deep.er", {"values": ["x"]}, True),
        ("StringIn", "data.api.er", {"values": ["x"]}, False),
        ("NumberGreaterThan", "data.contentLength", {"value": 0.0}, True),
        ("NumberGreaterThan", "data.contentLength", {"value": 5}, False),
        ("NumberGreaterThanOrEquals", "data.contentLength", {"value": 5}, True),
        ("NumberLessThan", "data.contentLength", {"value": 5}, False),
        ("NumberLessThanOrEquals", "data.contentLength", {"value": 5}, True),
        ("NumberGreaterThan", "data.api", {"value": 0}, False),
        ("NumberGreaterThan", "data.flag", {"value": 0}, False),
        ("NumberIn", "data.contentLength", {"values": [1, 5]}, True),
        ("NumberNotIn", "data.contentLength", {"values": [1, 5]}, False),
        ("NumberInRange", "data.contentLength", {"values": [[0, 1], [4, 6]]}, True),
        ("NumberNotInRange", "data.contentLength", {"values": [[4, 6]]}, False),
        ("BoolEquals", "data.flag", {"value": True}, True),
        ("BoolEquals", "data.flag", {"value": False}, False),
        ("BoolEquals", "data.missing", {"value": False}, False),
        ("IsNotNull", "data.api", {}, True),
        ("IsNotNull", "data.nothing", {}, False),
        ("IsNullOrUndefined", "data.missing", {}, True),
    ],
)
def test_advanced_filters_compare_as_event_grid_does(
    operator: str, key: str, comparison: dict[str, Any], wanted: bool
) -> None:
    assert advanced(operator, key, **comparison) is wanted


def test_advanced_filters_must_all_hold() -> None:
    api = {"operatorType": "StringIn", "key": "data.api", "values": ["PutBlob"]}
    size = {"operatorType": "NumberGreaterThan", "key": "data.contentLength", "value": 9}
    assert admits(advancedFilters=[api])
    assert not admits(advancedFilters=[api, size])


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"advancedFilters": [{"operatorType": "StringLike", "key": "subject", "values": ["x"]}]},
            r"^filter.advancedFilters\[0\].operatorType is 'StringLike'; allowed are BoolEquals, .*StringNotIn$",
        ),
        ({"advancedFilters": [{"operatorType": "StringIn", "values": ["x"]}]}, r"advancedFilters\[0\].key is missing"),
        ({"advancedFilters": [{"operatorType": "StringIn", "key": "id"}]}, r"has nothing to compare id with"),
        ({"subjectBegins": "x"}, r"^filter.subjectBegins is no setting of an event filter; there are advancedFilters"),
        (
            {"advancedFilters": [{"operatorType": "StringIn", "key": "id", "values": ["x"] * 26}]},
            r"has 26 values; at most 25",
        ),
    ],
)
def test_a_filter_that_event_grid_would_not_understand_is_refused(inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(FilterError, match=reason):
        EventFilter.declared(inputs)
