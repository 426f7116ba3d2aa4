"""Two ways between keyframes become one place."""

import pytest

from redactor.geometry import Box
from redactor.review.decisions import Drawing, Keyframe
from redactor.review.trail import End, Place, Trail, Way, followed

HERE, THERE, ASTRAY = Box(0.1, 0.1, 0.2, 0.2), Box(0.5, 0.1, 0.6, 0.2), Box(0.8, 0.8, 0.9, 0.9)
DRAWING = Drawing((Keyframe(0, HERE), Keyframe(40, THERE)))


def way(*places: tuple[int, Box], end: End = End.SET, likeness: float = 0.9) -> Way:
    return Way([Place(time, box, likeness) for time, box in places], end)


def between(forwards: Way, backwards: Way) -> Box:
    """Return the box in the middle frame."""
    alone = way((0, HERE)), way((40, THERE))
    box = followed(DRAWING, Trail((alone[0], backwards), (forwards, alone[1])), 20, 30)
    assert box is not None
    return box


def contains(box: Box, inner: Box) -> bool:
    return box.joined(inner) == box


MIDDLE = Box(0.3, 0.3, 0.4, 0.4)
STRAIGHT = Box(0.3, 0.1, 0.4, 0.2)


def test_a_way_that_does_not_arrive_is_not_used_beside_one_that_does() -> None:
    astray = way((0, HERE), (20, ASTRAY), (40, ASTRAY))
    right = way((40, THERE), (20, MIDDLE), (0, HERE))
    box = between(astray, right)
    assert contains(box, MIDDLE)
    assert not contains(box, ASTRAY)


def test_two_ways_that_went_astray_are_both_covered() -> None:
    box = between(way((0, HERE), (20, ASTRAY), (40, ASTRAY)), way((40, THERE), (20, MIDDLE), (0, ASTRAY)))
    assert contains(box, MIDDLE)
    assert contains(box, ASTRAY)


def test_a_way_that_may_be_astray_does_not_bare_the_straight_line() -> None:
    box = between(way((0, HERE), end=End.LOST), way((40, THERE), (20, ASTRAY), (0, ASTRAY)))
    assert contains(box, ASTRAY)
    assert contains(box, STRAIGHT)


def test_up_to_a_cut_the_one_way_counts_alone() -> None:
    box = between(way((0, HERE), (20, MIDDLE), end=End.CUT), way((40, THERE), end=End.CUT))
    assert contains(box, MIDDLE)
    assert not contains(box, STRAIGHT)


def test_without_a_way_the_straight_line_is_covered() -> None:
    box = between(way((0, HERE), end=End.LOST), way((40, THERE), end=End.LOST))
    assert contains(box, STRAIGHT)
    assert box.width == pytest.approx(0.1 * 1.47 + 0.004)  # widely, since nobody saw it there
