"""`python -m edge_runtime` on videos and images, good and bad."""

import json
import os
import re

import cv2
import numpy as np
import pytest

from faces import crop_box, crop_square, normalise_keypoints
from records.building import face_detector
from records.footage import write_video
from savedmodel_export.edge_runtime.__main__ import main
from savedmodel_export.edge_runtime.media import shown

SIDE, FRAMES = 240, 6


@pytest.fixture(scope="module")
def media(portrait, tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    frames = [np.roll(portrait(0, SIDE), 3 * t, axis=1) for t in range(FRAMES)]
    empty = np.full_like(frames[0], 120)
    write_video(folder / "person.mp4", [empty, *frames[1:]], crf=23, preset="veryfast")
    cv2.imwrite(str(folder / "person.png"), portrait(1, SIDE)[..., ::-1])
    cv2.imwrite(str(folder / "empty.png"), empty)
    (folder / "text.mp4").write_text("no video")
    (folder / "text.jpg").write_text("no image")
    (folder / "nothing.png").write_bytes(b"")
    whole = (folder / "person.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    video = cv2.VideoWriter(str(folder / "whole.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 25, (SIDE, SIDE))
    for frame in frames:
        video.write(frame)
    video.release()
    whole = (folder / "whole.avi").read_bytes()
    (folder / "list.mp4").write_text("ffconcat version 1.0\nfile whole.avi\n")
    huge = cv2.imencode(".png", empty)[1].tobytes()
    for name, side in (("huge.png", 2**31 - 1), ("large.png", 16000)):
        (folder / name).write_bytes(huge[:16] + side.to_bytes(4, "big") * 2 + huge[24:])
    (folder / os.fsdecode(b"n\xe4me.mp4")).write_text("no video")
    os.mkfifo(folder / "pipe.mp4")
    (folder / "cut.avi").write_bytes(whole[: len(whole) // 2])
    return folder


def run(capsys, bundle, *arguments):
    status = main([*map(str, arguments), "--models", str(bundle)])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.slow
def test_a_video_is_scored_as_the_project_scores_it(capsys, bundle, detector, media):
    status, out, _ = run(capsys, bundle, media / "person.mp4", "--json")
    assert status == 0
    (result,) = json.loads(out)
    assert [frame["index"] for frame in result["frames"]] == [1, 2, 3, 4, 5]
    assert result["frames_without_face"] == [{"index": 0, "reason": "no face"}]
    video, faces = cv2.VideoCapture(str(media / "person.mp4")), face_detector()
    expected, ratios = [], []
    for index in range(FRAMES):
        frame = np.ascontiguousarray(video.read()[1][..., ::-1])
        for face in faces.detect(frame):
            box = crop_box(face.box)
            keypoints = normalise_keypoints(face.keypoints, box)[None]
            x = {"frame": crop_square(frame, box, 64)[None], "keypoints": keypoints}
            outputs = detector.deployed().predict(x, verbose=0)
            expected.append(outputs["probability"][0, 0])
            ratios.append(outputs["log10_likelihood_ratio"][0, 0])
            np.testing.assert_allclose(result["frames"][index - 1]["box"], face.box, atol=0.02)
    np.testing.assert_allclose([frame["probability"] for frame in result["frames"]], expected, atol=1e-3)
    assert result["probability"] == pytest.approx(np.mean(expected), abs=1e-3)
    np.testing.assert_allclose([frame["log10_likelihood_ratio"] for frame in result["frames"]], ratios, atol=2e-3)
    assert result["log10_likelihood_ratio"] == pytest.approx(np.mean(ratios), abs=2e-3)


def test_frames_are_spaced_over_the_whole_video(capsys, bundle, media):
    _, out, _ = run(capsys, bundle, media / "person.mp4", "--json", "--frames", 2)
    assert [frame["index"] for frame in json.loads(out)[0]["frames"]] == [1, 4]


def test_an_image_and_one_without_a_face(capsys, bundle, media):
    status, out, _ = run(capsys, bundle, media / "person.png", media / "empty.png")
    assert status == 0
    first, second = out.splitlines()
    assert re.search(r"manipulated with a probability of 0\.\d{3} at even odds, log10 likelihood ratio [+-]\d", first)
    assert second.endswith("empty.png: no face found in 1 frames; no score.")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text.mp4", "is no video that OpenCV can decode"),
        ("cut.mp4", "is no video that OpenCV can decode"),
        ("cut.avi", "is cut off: its header says 6 frames, and it ends after"),
        ("text.jpg", "is no image that OpenCV can decode"),
        ("nothing.png", "is no image that OpenCV can decode"),
        ("absent.mp4", "does not exist"),
        ("list.mp4", "is no video that OpenCV can decode"),
        ("huge.png", f"has {2**31 - 1} x {2**31 - 1} pixels; at most"),
        ("large.png", "has 16000 x 16000 pixels; at most"),
        ("pipe.mp4", "is no regular file but a named pipe"),
        ("", "is a folder"),
        (os.fsdecode(b"n\xe4me.mp4"), "is no video that OpenCV can decode"),
    ],
)
def test_one_bad_file_is_named_and_stops_nothing(capsys, bundle, media, name, message):
    status, out, err = run(capsys, bundle, media / name, media / "person.png", "--json")
    assert status == 1
    assert f"{shown(media / name)} {message}" in err
    bad, good = json.loads(out)
    assert bad["path"] == shown(media / name)
    assert message in bad["error"]
    assert 0 < good["probability"] < 1


@pytest.mark.parametrize("ending", [".png", ".mp4"], ids=["good", "bad"])
def test_a_name_is_printed_on_one_line_and_without_a_terminal_s_commands(capsys, bundle, media, ending):
    path = media / f"new\nline\x1b[31m{ending}"
    path.write_bytes((media / "person.png").read_bytes() if ending == ".png" else b"no video")
    _, out, err = run(capsys, bundle, path)
    (line,) = (out or err).splitlines()
    assert rf"/new\nline\x1b[31m{ending}" in line
    _, out, _ = run(capsys, bundle, path, "--json")
    assert json.loads(out)[0]["path"] == str(path)


def test_a_folder_that_is_no_bundle_is_named(capsys, tmp_path, media):
    status, _, err = run(capsys, tmp_path, media / "person.png")
    assert status == 1
    assert "pnet.tflite does not exist; give what `tfafsr export --format edge` wrote" in err


def test_no_frames_are_refused(bundle, media):
    with pytest.raises(SystemExit, match="2"):
        main([str(media / "person.mp4"), "--frames", "0", "--models", str(bundle)])
