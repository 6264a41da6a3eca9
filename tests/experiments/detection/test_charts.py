"""The picture of a person's likelihood ratio over time."""

import xml.etree.ElementTree as ElementTree

import pytest

from experiments.detection.charts import DOTS, HEIGHT, clock, over_time

SVG = "{http://www.w3.org/2000/svg}"


def drawn(person, ratios, width=350):
    tree = ElementTree.fromstring(over_time(person(ratios), width, "a <title>"))
    return tree, [(float(dot.get("cx")), float(dot.get("cy"))) for dot in tree.iter("circle")]


def test_each_sight_is_a_dot_and_higher_is_more_suspicious(person):
    tree, dots = drawn(person, [0.0, 1.0, -1.0])
    assert tree.find("title").text == "a <title>"
    assert len(dots) == 3
    assert dots[1][1] < dots[0][1] < dots[2][1]
    assert dots[0][0] < dots[1][0] < dots[2][0]


@pytest.mark.parametrize("ratios", [[0.0], [9.0, -9.0], [float(index % 7) for index in range(5000)]])
def test_everything_lies_inside_and_long_videos_have_few_dots(person, ratios):
    _, dots = drawn(person, ratios)
    assert 0 < len(dots) <= DOTS
    assert all(0 <= x <= 350 and 0 <= y <= HEIGHT for x, y in dots)


@pytest.mark.parametrize(("second", "text"), [(0, "0:00.0"), (62.5, "1:02.5"), (3725, "1:02:05")])
def test_times(second, text):
    assert clock(second) == text
