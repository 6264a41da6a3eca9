"""Paths: links that lead out of the data set, kinds of files by their names, names that are not UTF-8."""

import pytest

from records.errors import DataError
from records.footage import checked, inside, is_picture, is_video, printable
from tests.records.footage.pictures import numbered_pictures


def test_links_out_of_the_root_are_refused(tmp_path):
    root, outside = numbered_pictures(tmp_path / "root/clip", range(3)).parent, tmp_path / "secret.png"
    outside.write_bytes(b"x")
    (root / "in.png").symlink_to(root / "clip" / "0000.png")
    (root / "out.png").symlink_to(outside)
    (root / "circle.png").symlink_to(root / "circle.png")
    assert checked(root / "in.png", root) == root / "in.png"
    assert checked(root / "clip", root) == root / "clip"
    assert checked(root / "missing.png", root) == root / "missing.png"
    assert inside(root / "clip", root.resolve())
    with pytest.raises(
        DataError, match=r"out\.png is a link that leads out of .*root; copy the file, or give --follow"
    ):
        checked(root / "out.png", root)
    checked(root / "circle.png", root)  # leads nowhere; reading it raises an error
    (root / "clip" / "0003.png").symlink_to(outside)
    with pytest.raises(DataError, match=r"0003\.png is a link that leads out"):
        checked(root / "clip", root)


def test_the_kind_of_a_file_is_told_by_its_name(tmp_path):
    assert is_video(tmp_path / "A.MP4")
    assert is_video(tmp_path / "a.avi")
    assert is_picture(tmp_path / "a.JPeG")
    assert not is_picture(tmp_path / "001")
    assert not is_video(tmp_path / "a.txt")
    assert printable("naïve ütterance.mp4") == "naïve ütterance.mp4"
    assert printable(b"na\xefve.mp4".decode("utf-8", "surrogateescape")) == "na?ve.mp4"
