"""Contracts that are written more than once, since their deployables share no code."""

import json
from collections.abc import Callable
from enum import StrEnum

import pytest

import mediaservice.logs
import mediaservice.model.transforms
import redactor
import stack.transform
import trigger.logs
from tests.signatures import CASES, ENCODED, SIGNATURE

type Mask = Callable[[str], str]


@pytest.fixture(params=[mediaservice.logs.masked, trigger.logs.mask], ids=["service", "function"])
def mask(request: pytest.FixtureRequest) -> Mask:
    chosen: Mask = request.param
    return chosen


def values(choice: type[StrEnum]) -> list[str]:
    return [item.value for item in choice]


@pytest.mark.parametrize("name", ["BlurType", "Resolution", "Quality", "Damaged"])
def test_stack_service_and_engine_offer_the_same_choices(name: str) -> None:
    engine = values(getattr(redactor, name))
    assert values(getattr(mediaservice.model.transforms, name)) == engine
    assert values(getattr(stack.transform, name)) == engine


def test_stack_and_service_name_the_same_preset() -> None:
    assert stack.transform.PRESET_TYPE == mediaservice.model.transforms.FACE_DETECTOR


@pytest.mark.parametrize("case", CASES)
def test_a_signature_is_masked_and_the_rest_left_readable(mask: Mask, case: str) -> None:
    text, masked = CASES[case]
    assert mask(text) == masked
    assert mask(mask(text)) == masked


@pytest.mark.parametrize("case", ENCODED)
def test_an_encoded_signature_is_masked(mask: Mask, case: str) -> None:
    masked = mask(ENCODED[case])
    assert SIGNATURE[:3] not in masked
    assert masked.startswith("bad input https")
    assert masked.endswith(" refused")


def test_a_line_of_json_is_one_after_masking(mask: Mask) -> None:
    line = json.dumps({case: text for case, (text, _) in CASES.items()})
    assert set(json.loads(mask(line))) == set(CASES)
    assert SIGNATURE not in mask(line)
