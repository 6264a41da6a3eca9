"""One pristine video and the clips made from it: where the face is, which frames, what is known."""

import dataclasses

import cv2
import numpy as np
import pytest
from records.building.unit import NO_FACE, NO_FACE_TWIN, OTHER_FACE_TWIN, BuildOptions, Unit

from records.errors import DataError
from records.footage import Footage, write_video
from records.shards.schema import decode, serialize
from records.sources.clip import Clip

OPTIONS = BuildOptions(size=64, frames_train=4, frames_eval=4)


def write(path, frames, crf=0):
    write_video(path, frames, crf=crf, preset="veryfast")
    return path


def clip(path, pristine, best=None, label=1, **changes):
    names = {"dataset": "d", "method": "Deepfakes" if label else "real", "compression": "raw", "split": "test"}
    known = {"target_known": True, "mask_known": True}
    values = {**names, "name": path.stem, "label": label, "twin": "005", "quality": "raw", "subjects": ("005",)}
    values |= {**known, **changes}
    return Clip(footage=Footage(path), pristine=Footage(pristine), best=Footage(best or path), **values)


def unit_of(clips, options):
    return Unit(clips, options, clips[0].footage.path.parent / "scratch")


def draw(unit, one):
    examples, counts = unit.examples(one)
    return [decode(serialize(example)) for example in examples], counts


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clip_frames):
    """005 as a real clip of 12 frames and a fake of 8, and 003 who is away for 4 of 8 frames."""
    folder = tmp_path_factory.mktemp("unit")
    write(folder / "real.mp4", clip_frames(5, 12))
    write(folder / "fake.mp4", clip_frames(5, 8, forged=True))
    write(folder / "late.mp4", clip_frames(3, 8, away=4))
    return folder


def test_of_different_lengths_the_shorter_is_used_and_said(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0)
    fake = clip(folder / "fake.mp4", folder / "real.mp4")
    unit = unit_of([real, fake], OPTIONS)
    examples, counts = draw(unit, fake)
    assert [example.frame_index for example in examples] == [1, 3, 5, 7]
    assert counts.shortened == "8 frames, its pristine twin 12: the first 8 are used"
    examples, counts = draw(unit, real)
    assert [example.frame_index for example in examples] == [1, 4, 7, 10]
    assert counts.shortened is None


def test_the_order_of_the_clips_changes_nothing(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0)
    fake = clip(folder / "fake.mp4", folder / "real.mp4")
    first, second = unit_of([real, fake], OPTIONS), unit_of([fake, real], OPTIONS)
    draw(first, real)
    for one, other in zip(draw(first, fake)[0], draw(second, fake)[0], strict=True):
        np.testing.assert_array_equal(one.frame, other.frame)
        np.testing.assert_array_equal(one.box, other.box)


def test_bursts_of_neighbours(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0)
    examples, _ = draw(unit_of([real], dataclasses.replace(OPTIONS, frames_eval=2, burst=3)), real)
    # Starts are evenly spaced over the 10 places where three neighbours fit.
    assert [(e.frame_index, e.clip_position) for e in examples] == [(2, 0), (3, 1), (4, 2), (7, 0), (8, 1), (9, 2)]


@pytest.mark.parametrize(("keypoints_from", "reason"), [("twin", NO_FACE_TWIN), ("self", NO_FACE)])
def test_frames_without_a_face_are_counted_with_their_reason(folder, keypoints_from, reason):
    late = clip(folder / "late.mp4", folder / "late.mp4", label=0)
    examples, counts = draw(unit_of([late], dataclasses.replace(OPTIONS, keypoints_from=keypoints_from)), late)
    assert [example.frame_index for example in examples] == [5, 7]
    assert (counts.frames_scored, counts.frames_without_face, counts.reasons) == (2, 2, {reason: 2})


def test_self_looks_at_the_clip_and_twin_at_its_twin(folder, tmp_path, clip_frames):
    """A fake that nobody would take for a face: the twin's box serves it, its own frames have none."""
    write(tmp_path / "gone.mp4", clip_frames(5, 12, away=12))
    gone = clip(tmp_path / "gone.mp4", folder / "real.mp4")
    assert len(draw(unit_of([gone], OPTIONS), gone)[0]) == 4
    examples, counts = draw(unit_of([gone], dataclasses.replace(OPTIONS, keypoints_from="self")), gone)
    assert examples == []
    assert counts.reasons == {NO_FACE: 4}


def test_of_several_people_the_one_who_stays_is_chosen(tmp_path, backdrop, draw_face):
    """A larger face passes by; a mask on it does not draw the choice to it."""
    frames = []
    for t in range(8):
        frame = backdrop(200, 360)
        if t != 5:
            draw_face(frame, 90 + t, 100, 90, seed=5)
        if t in (3, 5):
            draw_face(frame, 260, 100, 130, seed=5)
        frames.append(frame)
    forged = [frame.copy() for frame in frames]
    for frame in forged:
        cv2.rectangle(frame, (240, 60), (280, 140), (0, 0, 200), -1)
    write(tmp_path / "real.mp4", frames)
    write(tmp_path / "fake.mp4", forged)
    fake = clip(tmp_path / "fake.mp4", tmp_path / "real.mp4")
    examples, counts = draw(unit_of([fake], OPTIONS), fake)
    assert [example.frame_index for example in examples] == [1, 3, 7]
    assert all(example.box[1] < 90 < example.box[3] < 200 for example in examples)
    assert counts.reasons == {OTHER_FACE_TWIN: 1}


def test_what_is_not_known_is_said_so(folder):
    fake = clip(folder / "fake.mp4", folder / "real.mp4", target_known=False, mask_known=False)
    examples, _ = draw(unit_of([fake], OPTIONS), fake)
    assert {(e.target_known, e.mask_known, int(e.mask.max())) for e in examples} == {(0, 0, 0)}


def test_a_real_clips_empty_mask_is_always_known(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0, mask_known=False)
    assert draw(unit_of([real], OPTIONS), real)[0][0].mask_known == 1


def test_copies_of_different_frame_size_are_refused(folder, tmp_path, clip_frames):
    small = write(tmp_path / "small.mp4", (cv2.resize(frame, (80, 80)) for frame in clip_frames(5, 8)))
    fake = clip(small, folder / "real.mp4")
    with pytest.raises(DataError, match="another frame size"):
        draw(unit_of([fake], OPTIONS), fake)


def test_a_damaged_twin_is_named_for_every_clip_and_read_once(folder, tmp_path):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes((folder / "real.mp4").read_bytes()[:3000])
    clips = [clip(folder / "fake.mp4", damaged), clip(folder / "real.mp4", damaged)]
    unit = unit_of(clips, OPTIONS)
    for one in clips:
        with pytest.raises(DataError, match=r"damaged\.mp4"):
            draw(unit, one)
