"""Forging from photographs: one usable photograph of each identity is used, the others are left out with reasons."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from records.forge.manipulations import METHODS
from records.forge.people import RenderedFaces
from tests.records.footage.pictures import encoded_picture

SIDE, SIZE = 200, 96
# Rendered people (seed 5) in whose pictures MTCNN surely finds one face.
PEOPLE = ["000", "001", "002", "003", "004", "006", "007"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photographs of seven people, one too many for pairs, and photographs with every kind of fault."""
    folder = tmp_path_factory.mktemp("photographs")
    faces = RenderedFaces(5, SIDE, 1)
    pictures = [np.clip(faces.clip(name).frames[0], 0, 255).astype(np.uint8) for name in PEOPLE]

    def save(name, image):
        (folder / name).write_bytes(encoded_picture(image, name[-4:]))

    for number, picture in enumerate(pictures):
        save(f"person{number}_1.jpg", picture)
    save("person0_2.jpg", pictures[1])  # a second photograph of a person, which is not used
    save("person1_0.jpg", np.repeat(pictures[1].mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2))
    save("couple.png", np.hstack((pictures[0], pictures[2])))
    save("wall.png", np.random.default_rng(0).integers((90, 110, 130), (110, 130, 150), (SIDE, SIDE, 3)))
    save("small.png", cv2.resize(pictures[3], (100, 100)))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of a JPEG")
    (folder / "cut.jpg").write_bytes(encoded_picture(pictures[4], ".jpg")[:-2000])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no photograph")
    return folder


@pytest.fixture(scope="module")
def forged(folder, tmp_path_factory):
    """(content of forge.json, what the command wrote to the standard error)."""
    out = tmp_path_factory.mktemp("forged") / "data"
    line = f"forge --faces {folder} --out {out} --frames 1 --size {SIZE} --compressions c40 --workers 1 --no-probe"
    done = subprocess.run([sys.executable, "-m", "tfafsr", *line.split()], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((out / "forge.json").read_text()), done.stderr


# Slow because a worker process loads TensorFlow and MTCNN; all tests here share one run of the command.
@pytest.mark.slow
def test_photographs_become_a_data_set(forged, folder):
    result, _ = forged
    assert sum(name.startswith("original/") for name in result["clips"]) == 6
    assert {name.split("/")[0] for name in result["clips"]} == {"original", *METHODS}
    assert result["clips"]["original/000"]["photograph"] == "person0_1.jpg"
    assert str(folder.parent) not in json.dumps(result)


@pytest.mark.slow
def test_each_photograph_left_out_has_its_reason(forged):
    reasons = {skip["file"]: skip["reason"] for skip in forged[0]["skips"]}
    for name in ("broken.jpg", "cut.jpg", "empty.png"):
        assert reasons.pop(name).startswith(f"{name} does not")
    assert "2 faces" in reasons.pop("couple.png")
    assert "no face" in reasons.pop("wall.png")
    assert "too small" in reasons.pop("small.png")
    assert "not in colour" in reasons.pop("person1_0.jpg")
    assert "left over" in reasons.pop("person6_1.jpg")
    assert reasons == {}


@pytest.mark.slow
def test_the_workers_start_up_lines_are_not_shown(forged):
    """TensorFlow and its libraries print lines when they start, outside of Python and its log levels."""
    lines = [line for line in forged[1].splitlines() if line.strip()]
    assert lines
    titles = ("Finding faces: ", "Cropping faces: ", "Training the ", "Painting faces: ", "Forging pairs of clips: ")
    assert all(line.startswith(titles) for line in lines), forged[1]
