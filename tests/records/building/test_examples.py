"""Building a pristine video and the clips made from it: places of the face, chosen frames, known targets and masks."""

import dataclasses

import cv2
import numpy as np
import pytest

from records.building.examples import build_clip
from records.building.groups import ClipGroup
from records.building.locate import NO_FACE, NO_FACE_TWIN, OTHER_FACE_TWIN, locate_faces, open_footage
from records.building.options import BuildOptions
from records.errors import DataError
from records.footage import Footage, write_video
from records.shards import decode
from records.sources import Clip

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


def build(clips, options, clip_wanted):
    """(examples, entry) of one clip of a group; raises the error that makes it unusable."""
    group = ClipGroup("test-005", tuple(clips))
    footages = open_footage(group, clips[0].footage.path.parent / "scratch")
    located = locate_faces(group, footages, options)[clip_wanted.video]
    result, _ = build_clip(clip_wanted, group.name, located, footages, options)
    return [decode(record) for _, record in result.records], result.entry


@pytest.fixture(scope="module")
def folder(tmp_path_factory, clip_frames):
    """Person 005 as a real clip of 12 frames and a fake of 8; person 003, who is not in 4 of the 8 frames."""
    folder = tmp_path_factory.mktemp("clips")
    write(folder / "real.mp4", clip_frames(5, 12))
    write(folder / "fake.mp4", clip_frames(5, 8, forged=True))
    write(folder / "late.mp4", clip_frames(3, 8, away=4))
    return folder


def test_if_lengths_differ_the_shorter_is_used_and_the_entry_says_so(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0)
    fake = clip(folder / "fake.mp4", folder / "real.mp4")
    examples, entry = build([real, fake], OPTIONS, fake)
    assert [example.frame_index for example in examples] == [1, 3, 5, 7]
    assert entry.shortened == "8 frames, its pristine twin 12: the first 8 are used"
    examples, entry = build([real, fake], OPTIONS, real)
    assert [example.frame_index for example in examples] == [1, 4, 7, 10]
    assert entry.shortened is None


def test_the_order_of_the_clips_changes_nothing(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0)
    fake = clip(folder / "fake.mp4", folder / "real.mp4")
    first, second = (build(clips, OPTIONS, fake)[0] for clips in ([real, fake], [fake, real]))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.frame, other.frame)
        np.testing.assert_array_equal(one.box, other.box)


def test_bursts_of_neighbouring_frames(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0)
    examples, _ = build([real], dataclasses.replace(OPTIONS, frames_eval=2, burst=3), real)
    # The starts are evenly spaced over the 10 frames that two more frames follow.
    assert [(e.frame_index, e.clip_position) for e in examples] == [(2, 0), (3, 1), (4, 2), (7, 0), (8, 1), (9, 2)]


@pytest.mark.parametrize(("keypoints_from", "reason"), [("twin", NO_FACE_TWIN), ("self", NO_FACE)])
def test_frames_without_a_face_are_counted_with_their_reason(folder, keypoints_from, reason):
    late = clip(folder / "late.mp4", folder / "late.mp4", label=0)
    examples, entry = build([late], dataclasses.replace(OPTIONS, keypoints_from=keypoints_from), late)
    assert [example.frame_index for example in examples] == [5, 7]
    assert (entry.frames_scored, entry.frames_without_face, entry.reasons) == (2, 2, {reason: 2})


def test_faces_are_found_on_the_twin_or_on_the_clip_itself(folder, tmp_path, clip_frames):
    """The fake shows no face: with `twin` it gets the twin's boxes, with `self` it has none."""
    write(tmp_path / "faceless.mp4", clip_frames(5, 12, away=12))
    faceless = clip(tmp_path / "faceless.mp4", folder / "real.mp4")
    assert len(build([faceless], OPTIONS, faceless)[0]) == 4
    examples, entry = build([faceless], dataclasses.replace(OPTIONS, keypoints_from="self"), faceless)
    assert examples == []
    assert entry.reasons == {NO_FACE: 4}


def test_of_several_people_the_one_seen_in_most_frames_is_chosen(tmp_path, backdrop, draw_face):
    """A larger face is seen in two frames, and the manipulation is on it; the other person is chosen all the same."""
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
    examples, entry = build([fake], OPTIONS, fake)
    assert [example.frame_index for example in examples] == [1, 3, 7]
    assert all(example.box[1] < 90 < example.box[3] < 200 for example in examples)
    assert entry.reasons == {OTHER_FACE_TWIN: 1}


def test_unknown_targets_and_masks_are_marked(folder):
    fake = clip(folder / "fake.mp4", folder / "real.mp4", target_known=False, mask_known=False)
    examples, _ = build([fake], OPTIONS, fake)
    assert {(e.target_known, e.mask_known, int(e.mask.max())) for e in examples} == {(0, 0, 0)}


def test_a_real_clips_empty_mask_is_always_known(folder):
    real = clip(folder / "real.mp4", folder / "real.mp4", label=0, mask_known=False)
    assert build([real], OPTIONS, real)[0][0].mask_known == 1


def test_copies_of_different_frame_size_are_refused(folder, tmp_path, clip_frames):
    small = write(tmp_path / "small.mp4", (cv2.resize(frame, (80, 80)) for frame in clip_frames(5, 8)))
    fake = clip(small, folder / "real.mp4")
    with pytest.raises(DataError, match="another frame size"):
        build([fake], OPTIONS, fake)


def test_a_damaged_twin_is_named_for_every_clip(folder, tmp_path):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes((folder / "real.mp4").read_bytes()[:3000])
    clips = [clip(folder / "fake.mp4", damaged), clip(folder / "real.mp4", damaged)]
    for unusable in clips:
        with pytest.raises(DataError, match=r"damaged\.mp4"):
            build(clips, OPTIONS, unusable)
