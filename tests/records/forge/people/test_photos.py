"""Photographs: one usable face an identity, everything else a named skip."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from records.errors import DataError
from records.forge.camera.motion import canvas_size
from records.forge.dataset import forge_dataset
from records.forge.manipulations import METHODS
from records.forge.people.clips import RenderedFaces
from records.forge.people.photos import (
    Photograph,
    canvas_of,
    find_faces,
    identity_of,
    list_photographs,
    read_photograph,
)

SIDE, SIZE = 300, 128
# Drawn people (seed 5) whom MTCNN finds beyond doubt; of 005 it is not sure, and it is not what is tested here.
PEOPLE = ["000", "001", "002", "003", "004", "006", "007"]


def silent(line):
    """Says nothing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven people photographed (one too many for pairs), and everything that can be wrong with a photograph."""
    folder = tmp_path_factory.mktemp("photographs")
    faces = RenderedFaces(5, SIDE, 1)
    pictures = [np.clip(faces.clip(name).frames[0], 0, 255).astype(np.uint8) for name in PEOPLE]

    def save(name, image):
        cv2.imwrite(str(folder / name), np.ascontiguousarray(image[..., ::-1]))

    for number, picture in enumerate(pictures):
        save(f"person{number}_1.jpg", picture)
    save("person0_2.jpg", pictures[1])  # a second photograph of somebody is not needed
    save("person1_0.jpg", np.repeat(pictures[1].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2))
    save("couple.png", np.hstack((pictures[0], pictures[2])))
    save("wall.png", np.random.default_rng(0).integers((90, 110, 130), (110, 130, 150), (SIDE, SIDE, 3)))
    save("small.png", cv2.resize(pictures[3], (120, 120)))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no photograph")
    return folder


@pytest.mark.parametrize(
    ("file", "identity"), [("a_b_01.jpg", "a_b"), ("alone.png", "alone"), ("_x.jpg", "_x"), ("g1_2.jpeg", "g1")]
)
def test_what_precedes_the_last_underscore_is_the_identity(file, identity):
    assert identity_of(file) == identity


def test_files_of_one_person_belong_together(folder):
    people = list_photographs(folder)
    assert people["person0"] == ["person0_1.jpg", "person0_2.jpg"]
    assert "notes" not in people


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        list_photographs(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no photographs"):
        list_photographs(tmp_path)


@pytest.mark.parametrize("name", ["broken.jpg", "empty.png"])
def test_what_does_not_decode_is_named(folder, name):
    with pytest.raises(DataError, match=f"{name} does not decode"):
        read_photograph(folder / name)


@pytest.mark.slow
def test_each_skip_is_named_with_its_reason(folder):
    found, skips = find_faces(folder, SIZE, workers=1)
    assert [photograph.file for photograph in found] == [f"person{number}_1.jpg" for number in range(7)]
    reasons = {skip.file: skip.reason for skip in skips}
    assert "does not decode" in reasons.pop("broken.jpg")
    assert "does not decode" in reasons.pop("empty.png")
    assert "2 faces" in reasons.pop("couple.png")
    assert "no face" in reasons.pop("wall.png")
    assert "too small" in reasons.pop("small.png")
    assert "not in colour" in reasons.pop("person1_0.jpg")
    assert reasons == {}


def test_the_canvas_is_shrunk_and_knows_its_points():
    """A 400 pixel picture of a ramp: the canvas shows the ramp's values where its points say they come from."""
    y, x = np.mgrid[0:400, 0:400]
    image = np.stack((x / 2, y / 2, 0 * x), axis=2).astype(np.uint8)
    points = ((160.0, 180.0), (240.0, 180.0), (200.0, 220.0), (170.0, 260.0), (230.0, 260.0))
    canvas, moved = canvas_of(image, Photograph("x.png", (120.0, 130.0, 300.0, 270.0), points), SIZE)
    assert canvas.shape == (canvas_size(SIZE), canvas_size(SIZE), 3)
    assert np.linalg.norm(moved[1] - moved[0]) <= 0.7 * 80
    for place, source in zip(moved, points, strict=True):
        red, green, _ = canvas[round(place[1]), round(place[0])]
        assert abs(2 * red - source[0]) < 4
        assert abs(2 * green - source[1]) < 4


def test_a_photograph_as_small_as_can_be_still_fills_the_frame():
    image = np.full((SIZE * 10 // 7, SIZE * 10 // 7 + 1, 3), 200, np.uint8)
    points = ((60.0, 60.0), (100.0, 60.0), (80.0, 80.0), (64.0, 100.0), (96.0, 100.0))
    canvas, _ = canvas_of(image, Photograph("x.png", (20.0, 20.0, 160.0, 150.0), points), SIZE)
    assert np.all(canvas == 200)


@pytest.mark.slow
def test_photographs_become_a_data_set(folder, tmp_path):
    result = forge_dataset(
        str(folder), tmp_path / "data", frames=2, size=SIZE, compressions=("c40",), workers=1, say=silent
    )
    assert sum(name.startswith("original/") for name in result["clips"]) == 6
    assert {name.split("/")[0] for name in result["clips"]} == {"original", *METHODS}
    assert result["clips"]["original/000"]["photograph"] == "person0_1.jpg"
    left = next(skip for skip in result["skips"] if "left over" in skip["reason"])
    assert left["file"] == "person6_1.jpg"
    written = json.loads((tmp_path / "data" / "forge.json").read_text())
    assert written["skips"] == result["skips"]
    assert str(folder.parent) not in (tmp_path / "data" / "forge.json").read_text()


@pytest.mark.slow
def test_too_few_faces_are_an_error_that_tells_why(folder, tmp_path):
    with pytest.raises(DataError, match="gives 6 usable identities, 20 are wanted"):
        forge_dataset(str(folder), tmp_path / "data", identities=20, frames=1, size=SIZE, workers=1, say=silent)
