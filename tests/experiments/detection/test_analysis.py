"""Files from start to answer, with real MTCNN and real encoders; the score is the brightness of the crop."""

import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image

from experiments.detection import Item, Settings, analyse
from experiments.detection.words import lines
from records.footage import read_frames, write_video
from savedmodel_export import ServingError

HEIGHT, WIDTH = 240, 400


@pytest.fixture(scope="module")
def scene(draw_face, backdrop):
    """The function (frame number, xs of faces, height of the faces) that draws a frame."""

    def draw(number, xs, height=110):
        image = backdrop(HEIGHT, WIDTH)
        for seed, x in enumerate(xs):
            draw_face(image, x + number % 3, HEIGHT // 2, height, seed=seed)
        return image

    return draw


@pytest.fixture(scope="module")
def video(tmp_path_factory, scene):
    """Two seconds at 25 frames a second of one person; a second one comes after one second."""
    path = tmp_path_factory.mktemp("videos") / "two.mp4"
    write_video(path, (scene(i, (110,) if i < 25 else (110, 290)) for i in range(50)), crf=20, fps=25)
    return path


def picture(path, rgb):
    cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def test_each_person_of_a_video_has_the_frames_in_which_they_are_seen(video, brightness):
    watched = []
    answer = analyse(Item(video), brightness, Settings(fps=5), lambda *done: watched.append(done))
    assert (answer.kind, answer.reason, answer.notes) == ("video", None, ())
    assert [[sight.frame for sight in person.sights] for person in answer.people] == [
        list(range(0, 50, 5)),
        list(range(25, 50, 5)),
    ]
    assert answer.people[1].sights[0].second == pytest.approx(1.0)
    assert watched == [(i, 10) for i in range(10)]
    assert (answer.frames, answer.without_face) == (10, 0)
    assert answer.encoding.startswith("h264, 400 x 240, ")


def test_a_person_is_followed_through_frames_that_are_far_apart(tmp_path, scene, brightness):
    write_video(tmp_path / "slow.mp4", (scene(0, (110,)) for _ in range(10)), crf=20, fps=1)
    (person,) = analyse(Item(tmp_path / "slow.mp4"), brightness, Settings(fps=0.25)).people
    assert [sight.frame for sight in person.sights] == [0, 4, 8]


def test_more_frames_a_second_than_there_are_means_every_frame(video, brightness):
    assert analyse(Item(video), brightness, Settings(fps=1000)).frames == 50


def test_a_picture(tmp_path, scene, brightness):
    answer = analyse(Item(picture(tmp_path / "one.png", scene(0, (200,)))), brightness, Settings())
    assert (answer.kind, answer.frames, len(answer.people)) == ("picture", 1, 1)
    (sight,) = answer.people[0].sights
    assert sight.box[1] < 200 < sight.box[3]
    assert 60 < sight.side < 180


def test_a_turned_picture_is_turned_upright(tmp_path, scene, brightness):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to show
    image = Image.fromarray(scene(0, (200,))).rotate(90, expand=True)
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    answer = analyse(Item(tmp_path / "turned.jpg"), brightness, Settings())
    assert len(answer.people) == 1
    assert answer.encoding.endswith("JPEG quality of about 95")


def test_without_a_face_there_is_no_score(tmp_path, scene, brightness):
    answer = analyse(Item(picture(tmp_path / "none.png", scene(0, ()))), brightness, Settings())
    assert (answer.reason, answer.people, answer.without_face) == ("no face was found", (), 1)


def test_small_faces_are_not_judged(tmp_path, scene, brightness):
    path = picture(tmp_path / "two.png", scene(0, (200,)))
    answer = analyse(Item(path), brightness, Settings(smallest_face=200))
    assert answer.people == ()
    assert answer.reason.startswith("the largest face has 1")
    assert answer.reason.endswith("pixels; faces below 200 are not judged")


def test_small_faces_beside_a_large_one_are_noted(tmp_path, draw_face, backdrop, brightness):
    image = backdrop(HEIGHT, WIDTH)
    draw_face(image, 120, 120, 120)
    draw_face(image, 300, 120, 60, seed=1)
    answer = analyse(Item(picture(tmp_path / "both.png", image)), brightness, Settings(smallest_face=90))
    assert len(answer.people) == 1
    assert answer.notes[0].startswith("1 sights of faces of ")


@pytest.mark.parametrize("name", ["empty.mp4", "noise.mp4", "noise.jpg"])
def test_what_is_neither_is_an_answer_with_a_reason(tmp_path, brightness, name):
    path = tmp_path / name
    path.write_bytes(b"" if name == "empty.mp4" else np.random.default_rng(0).bytes(5000))
    answer = analyse(Item(path), brightness, Settings())
    assert answer.support is None
    assert "does not open as a video or a picture" in answer.reason
    assert str(tmp_path) not in answer.reason


def test_a_missing_file_and_a_file_that_goes_away(tmp_path, brightness):
    assert (
        analyse(Item(tmp_path / "x", "there is no such file"), brightness, Settings()).reason == "there is no such file"
    )
    assert analyse(Item(tmp_path / "gone.mp4"), brightness, Settings()).reason


def test_a_video_that_is_cut_off_is_judged_by_what_is_there(tmp_path, video, brightness):
    cut = tmp_path / "cut.mkv"
    write_video(tmp_path / "whole.mkv", (frame for frame in _frames(video)), crf=20, fps=25)
    data = (tmp_path / "whole.mkv").read_bytes()
    cut.write_bytes(data[: len(data) // 2])
    answer = analyse(Item(cut), brightness, Settings())
    assert answer.people
    assert 0 < answer.frames <= 10


def _frames(path):
    return (frame for _, frame in read_frames(path))


def test_an_error_of_the_server_is_the_reason_and_no_exception(video, brightness):
    def gone(frames, keypoints):
        raise ServingError("UNAVAILABLE", "connection refused", "localhost:1")

    answer = analyse(Item(video), dataclasses.replace(brightness, score=gone), Settings())
    assert answer.reason == "localhost:1: UNAVAILABLE: connection refused"


def test_a_mistake_in_the_program_is_not_hidden(video, brightness):
    def wrong(frames, keypoints):
        raise TypeError("a mistake")

    with pytest.raises(TypeError, match="a mistake"):
        analyse(Item(video), dataclasses.replace(brightness, score=wrong), Settings())


def test_a_face_of_another_size_is_found_within_a_second(tmp_path, draw_face, backdrop, brightness):
    """Between the searches for all sizes, only faces like those of the frame before are looked for."""

    def frame(number):
        image = backdrop(HEIGHT, WIDTH)
        draw_face(image, 110, 120, 190)
        if number >= 3:
            draw_face(image, 320, 120, 40, seed=1)
        return image

    write_video(tmp_path / "late.mp4", map(frame, range(12)), crf=10, fps=5)
    large, small = analyse(Item(tmp_path / "late.mp4"), brightness, Settings(fps=5, smallest_face=16)).people
    assert len(large.sights) == 12
    assert small.sights[0].frame in range(3, 6)
    assert small.side < large.side / 3


def test_what_is_compressed_more_strongly_than_all_that_was_measured_cannot_be_judged(tmp_path, scene, brightness):
    rng = np.random.default_rng(0)
    noise = rng.integers(-12, 12, (5, HEIGHT, WIDTH, 3))
    frames = [np.clip(scene(0, (200,)) + one, 0, 255).astype(np.uint8) for one in noise]
    for crf in (20, 51):
        write_video(tmp_path / f"{crf}.mp4", frames, crf=crf)
    fine, coarse = (analyse(Item(tmp_path / f"{crf}.mp4"), brightness, Settings()) for crf in (20, 51))
    assert fine.people
    assert fine.quantizer < 30
    assert coarse.people == ()
    assert coarse.reason == (
        "it is compressed more strongly (QP 51) than all that the model was measured on (QP 48 at most)"
    )
    unknown = dataclasses.replace(brightness, card=None)
    assert analyse(Item(tmp_path / "51.mp4"), unknown, Settings()).reason != coarse.reason


@pytest.mark.parametrize(("share", "threshold"), [(0.5, 0.4), (0.05, 1.3)])
def test_an_alarm_is_raised_above_the_threshold_of_the_worst_quality(tmp_path, scene, brightness, share, threshold):
    """A picture tells no quantizer; the model's score is the brightness of the crop."""
    path = picture(tmp_path / "one.png", scene(0, (200,)))
    answer = analyse(Item(path), brightness, Settings(max_false_alarms=share))
    assert answer.alarm.threshold == pytest.approx(threshold)
    assert answer.alarm.raised == (answer.strongest.log10_likelihood_ratio > threshold)
    assert analyse(Item(path), brightness, Settings()).alarm is None


def test_several_people_share_the_false_alarms_that_are_allowed(tmp_path, draw_face, backdrop, brightness):
    image = backdrop(HEIGHT, WIDTH)
    for number, x in enumerate((110, 300)):
        draw_face(image, x, 120, 100, seed=number)
    path = picture(tmp_path / "two.png", image)
    answer = analyse(Item(path), brightness, Settings(max_false_alarms=0.5))
    assert len(answer.people) == 2
    assert answer.alarm.threshold == pytest.approx(0.9)  # that of 0.25 for each
    assert any("at most 50% of real clips of 2 people are above" in line for line in lines(answer))
    refused = analyse(Item(path), brightness, Settings(max_false_alarms=0.06))  # 0.03 is less than one of 19 clips
    assert refused.alarm is None
    assert "2 people share the false alarms that are allowed" in refused.notes[0]


def test_evidence_is_kept_only_if_it_is_asked_for(video, brightness):
    assert analyse(Item(video), brightness, Settings(fps=5)).shots == ()
    shots = analyse(Item(video), brightness, Settings(fps=5, evidence=True)).shots
    assert {shot.person for shot in shots} == {1, 2}
    assert all(shot.scene and shot.face and shot.restored and shot.change for shot in shots)
