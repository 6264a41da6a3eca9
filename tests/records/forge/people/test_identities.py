"""The people of a data set: rendered ones by number, photographed ones as far as faces were found."""

import json

import pytest

from records.errors import DataError
from records.forge import ForgeOptions
from records.forge.people import PhotographedFaces, RenderedFaces, find_people
from tests.records.forge.conftest import silent


@pytest.fixture
def remembered(tmp_path):
    """What an earlier run found: seven faces, and one photograph without any."""
    points = [[1.0, 2.0]] * 5
    path = tmp_path / "faces.json"
    found = [[f"{name}.jpg", [0.0, 0.0, 9.0, 9.0], points] for name in "abcdefg"]
    path.write_text(json.dumps({"found": found, "skips": [{"file": "x.jpg", "reason": "no face found."}]}))
    return path


def test_rendered_people_are_numbered(tmp_path):
    people = find_people(ForgeOptions("rendered", identities=6, frames=2), tmp_path / "none", 1, silent)
    assert people.names == ["000", "001", "002", "003", "004", "005"]
    assert people.faces == RenderedFaces(0, 208, 2)
    assert people.skips == []
    assert len(find_people(ForgeOptions("rendered"), tmp_path / "none", 1, silent).names) == 120


def test_what_an_earlier_run_found_is_taken_and_the_odd_one_left_out(tmp_path, remembered):
    said = []
    people = find_people(ForgeOptions(str(tmp_path)), remembered, 1, said.append)
    assert isinstance(people.faces, PhotographedFaces)
    assert people.faces.note("005") == {"photograph": "f.jpg"}
    assert [skip.file for skip in people.skips] == ["x.jpg", "g.jpg"]
    assert said == ["6 identities, 2 photographs left out."]


def test_too_few_faces_are_an_error_that_tells_why(tmp_path, remembered):
    message = r"gives 6 usable identities, 20 are wanted; 2 photographs were left out: x\.jpg: no face found"
    with pytest.raises(DataError, match=message):
        find_people(ForgeOptions(str(tmp_path), identities=20), remembered, 1, silent)


def test_a_damaged_memory_is_named(tmp_path, remembered):
    for text in ("{", '{"found": [1]}', "[]"):
        remembered.write_text(text)
        with pytest.raises(DataError, match=r"faces\.json cannot be read"):
            find_people(ForgeOptions(str(tmp_path)), remembered, 1, silent)
