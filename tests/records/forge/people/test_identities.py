"""The people of a data set: rendered ones by number, photographed ones if a face was found."""

import json

import numpy as np
import pytest

from records.errors import DataError
from records.forge import ForgeOptions
from records.forge.people import PhotographedFaces, RenderedFaces, find_people
from tests.records.forge.conftest import silent


@pytest.fixture
def faces_file(tmp_path):
    """The file of an interrupted run that found seven faces, and one photograph without a face."""
    points = [[1.0, 2.0]] * 5
    path = tmp_path / "faces.json"
    common = {"box": [0.0, 0.0, 9.0, 9.0], "points": points, "mesh": points, "pose": [5.0, 0.0]}
    found = [
        {"file": f"{name}.jpg", "skin": [200.0, 160.0, 20.0 * number], **common}
        for number, name in enumerate("abcdefg")
    ]
    path.write_text(json.dumps({"found": found, "skips": [{"file": "x.jpg", "reason": "no face found."}]}))
    return path


def test_rendered_people_are_numbered(tmp_path):
    people = find_people(ForgeOptions("rendered", identities=6, frames=2), tmp_path / "none", 1, silent)
    assert people.names == ["000", "001", "002", "003", "004", "005"]
    assert people.faces == RenderedFaces(0, 208, 2)
    assert people.skips == []
    assert len(find_people(ForgeOptions("rendered"), tmp_path / "none", 1, silent).names) == 120


def test_faces_found_by_an_earlier_run_are_used_in_an_even_number(tmp_path, faces_file):
    printed = []
    people = find_people(ForgeOptions(str(tmp_path)), faces_file, 1, printed.append)
    assert isinstance(people.faces, PhotographedFaces)
    assert people.faces.note("005") == {"photograph": "f.jpg"}
    assert [skip.file for skip in people.skips] == ["x.jpg", "g.jpg"]
    assert people.looks.shape == (6, 5)
    assert np.linalg.norm(people.looks[0] - people.looks[1]) < np.linalg.norm(people.looks[0] - people.looks[5])
    assert printed == ["6 identities, 2 photographs left out."]


def test_too_few_faces_are_an_error_with_the_reasons(tmp_path, faces_file):
    message = r"gives 6 usable identities, but 20 are needed; 2 photographs were left out: x\.jpg: no face found"
    with pytest.raises(DataError, match=message):
        find_people(ForgeOptions(str(tmp_path), identities=20), faces_file, 1, silent)


def test_a_damaged_file_of_faces_is_named(tmp_path, faces_file):
    for text in ("{", '{"found": [1]}', "[]"):
        faces_file.write_text(text)
        with pytest.raises(DataError, match=r"faces\.json cannot be read"):
            find_people(ForgeOptions(str(tmp_path)), faces_file, 1, silent)
