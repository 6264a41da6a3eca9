"""Photographs: the identity in their names, their pixels, and the canvas around a face."""

import numpy as np
import pytest

from records.errors import DataError
from records.forge.camera import canvas_size
from records.forge.geometry import transform
from records.forge.people.photos import canvas_of, fingerprint, identity_of, list_photographs, read_photograph
from tests.records.footage.pictures import encoded_picture, scene, with_orientation

SIZE = 128


@pytest.mark.parametrize(
    ("file", "identity"), [("a_b_01.jpg", "a_b"), ("single.png", "single"), ("_x.jpg", "_x"), ("g1_2.jpeg", "g1")]
)
def test_the_identity_is_the_part_of_the_name_before_the_last_underscore(file, identity):
    assert identity_of(file) == identity


def test_files_of_one_person_belong_together(tmp_path):
    for name in ("b.png", "a_2.jpg", "a_1.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert list_photographs(tmp_path) == {"a": ["a_1.jpg", "a_2.jpg"], "b": ["b.png"]}


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        list_photographs(tmp_path / "nowhere")
    with pytest.raises(DataError, match="holds no photographs"):
        list_photographs(tmp_path)


def test_another_photograph_changes_the_fingerprint(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    (tmp_path / "b.png").write_bytes(b"x")
    assert fingerprint(tmp_path) != before


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_upright(tmp_path, orientation):
    for form in (".jpg", ".png"):
        (tmp_path / f"a{form}").write_bytes(with_orientation(scene(), orientation, form))
        image = read_photograph(tmp_path / f"a{form}")
        assert image.shape == scene().shape
        assert np.abs(image.astype(int) - scene()).mean() < 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.jpg", b"\xff\xd8\xff\xe0 not much of a JPEG"),
        ("empty.png", b""),
        ("cut.jpg", encoded_picture(scene(), ".jpg")[:-500]),
        ("cut.png", encoded_picture(scene())[:-500]),
    ],
)
def test_a_photograph_that_does_not_decode_is_named_without_its_folder(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=f"^{name} does not") as caught:
        read_photograph(tmp_path / name)
    assert str(tmp_path) not in str(caught.value)


def test_a_very_large_file_is_not_read(tmp_path):
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(2**26 + 1)
    with pytest.raises(DataError, match=r"a\.jpg is larger than 64 MiB"):
        read_photograph(tmp_path / "a.jpg")


def test_the_canvas_is_shrunk_and_its_points_show_the_same_pixels():
    """Colours in the picture are its coordinates, so the canvas's colours at the points must be their old places."""
    y, x = np.mgrid[0:400, 0:400]
    image = np.stack((x / 2, y / 2, 0 * x), axis=2).astype(np.uint8)
    points = ((160.0, 180.0), (240.0, 180.0), (200.0, 220.0), (170.0, 260.0), (230.0, 260.0))
    canvas, matrix = canvas_of(image, (120.0, 130.0, 300.0, 270.0), SIZE)
    moved = transform(matrix, np.array(points))
    assert canvas.shape == (canvas_size(SIZE), canvas_size(SIZE), 3)
    assert np.linalg.norm(moved[1] - moved[0]) <= 0.7 * 80
    for target, source in zip(moved, points, strict=True):
        red, green, _ = canvas[round(target[1]), round(target[0])]
        assert abs(2 * red - source[0]) < 4
        assert abs(2 * green - source[1]) < 4


def test_the_smallest_allowed_photograph_fills_the_frame():
    image = np.full((SIZE * 10 // 7, SIZE * 10 // 7 + 1, 3), 200, np.uint8)
    canvas, _ = canvas_of(image, (20.0, 20.0, 160.0, 150.0), SIZE)
    assert np.all(canvas == 200)
