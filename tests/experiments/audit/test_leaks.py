"""Leaks between splits: subjects, videos and near-duplicate frames, planted and not."""

import json

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from experiments.audit import leaks
from experiments.cli.inspect import inspect
from records.errors import DataError
from records.footage import evenly_spaced
from records.shards.entries import ClipEntry
from records.shards.manifest import Manifest
from records.shards.schema import DERIVED, Example, serialize
from records.shards.writer import write_shards

SIZE = 96


def picture(seed, likeness=0.3):
    """A smooth random picture, uint8 (SIZE, SIZE, 3), with an oval in the middle that all of them share."""
    rng = np.random.default_rng(seed)
    own = cv2.resize(rng.normal(0, 40, (12, 12, 3)), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    shared = cv2.ellipse(np.zeros((SIZE, SIZE, 3)), (48, 48), (28, 38), 0, 0, 360, (110, 90, 80), -1)
    grain = rng.normal(0, 2, (SIZE, SIZE, 3))
    return np.clip(80 + (1 - likeness) * own + 2 * likeness * shared + grain, 0, 255).astype(np.uint8)


def jpeg(frame):
    return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR)


def shifted(frame):
    return np.pad(frame, ((2, 0), (0, 2), (0, 0)), mode="edge")[:SIZE, 2:]


def mirrored(frame):
    return frame[:, ::-1].copy()


def darker(frame):
    return (frame * 0.6 + 10).astype(np.uint8)


def all_at_once(frame):
    return darker(jpeg(shifted(mirrored(frame))))


def write(folder, clips):
    """Records with these clips: (split, video, subjects, {frame index: frame})."""
    items, entries, shards, counts = {}, {}, {}, {}
    for split, video, subjects, frames in clips:
        dataset, method, level, _ = video.split("/")
        entries[video] = ClipEntry(split, 0, method, level, tuple(subjects), len(frames))
        for index, frame in frames.items():
            example = Example(
                frame=frame,
                target=DERIVED,
                target_known=1,
                ela=DERIVED,
                mask=np.zeros((SIZE, SIZE, 1), np.uint8),
                mask_known=1,
                keypoints=np.full((5, 2), 0.5, np.float32),
                label=0,
                dataset=dataset,
                method=method,
                compression=level,
                split=split,
                video=video,
                subjects=subjects,
                frame_index=index,
                clip_position=0,
                box=np.zeros(4, np.float32),
            )
            record = serialize(example)
            items.setdefault((split, level, method), []).append((f"{video}#{index}", lambda record=record: record))
    for (split, level, method), some in items.items():
        for path, shard in write_shards(some, folder / split / level, method, 1).items():
            shards[path.relative_to(folder).as_posix()] = shard
        counts.setdefault(split, {}).setdefault(level, {})[method] = len(some)
    Manifest(SIZE, {}, {}, counts, entries, [], shards).save(folder)
    return folder


def person(split, name, seed, level="raw", dataset="made"):
    """A clip of three frames."""
    return split, f"{dataset}/real/{level}/{name}", [name], {5 * t: picture((seed, t)) for t in range(3)}


PEOPLE = [person("train", "a", 1), person("train", "b", 2), person("val", "c", 3), person("test", "d", 4)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return write(tmp_path_factory.mktemp("clean"), PEOPLE)


def run(*folders, options=("--leaks",)):
    return CliRunner().invoke(inspect, [*map(str, folders), *options], catch_exceptions=False)


def test_clean_records_have_no_leak(clean):
    result = run(clean)
    assert result.exit_code == 0
    assert "Leak check: no subject and no video in two splits." in result.stdout
    assert "no near-duplicates in two splits among 12 frames" in result.stdout
    assert "12/12" in result.stderr  # progress


def test_without_the_option_no_frame_is_read(clean, monkeypatch):
    monkeypatch.setattr(leaks, "near_duplicates", lambda folders: pytest.fail("frames were read"))
    assert "Leak check: no subject and no video in two splits." in run(clean, options=()).stdout


def test_a_subject_in_two_splits_is_named(tmp_path):
    clip = ("test", "made/Deepfakes/raw/d_a", ["d", "a"], {0: picture(9)})
    result = run(write(tmp_path, [*PEOPLE, clip]))
    assert result.exit_code == 1
    assert "1 subjects in two splits:\n  a of made in train, test\n" in result.stdout
    assert "near-duplicates in two splits among 13" in result.stdout


def test_a_subject_of_another_dataset_is_another_person(tmp_path):
    assert run(write(tmp_path, [*PEOPLE, person("test", "a", 9, dataset="other")])).exit_code == 0


def test_a_video_in_two_splits_is_named_whatever_its_compression(tmp_path):
    folder = write(tmp_path, [*PEOPLE, person("val", "a", 9, level="c40")])
    found = leaks.in_two_splits([Manifest.load(folder)])
    assert found["videos"] == [{"video": "made/real/a", "splits": ["train", "val"]}]
    result = run(folder, options=())
    assert result.exit_code == 0  # a description; a check only with --leaks
    assert "made/real/a in train, val" in result.stdout


@pytest.mark.parametrize("change", [jpeg, shifted, mirrored, darker, all_at_once])
def test_a_copied_frame_is_found_under_another_name(tmp_path, change):
    copy = ("test", "made/real/raw/e", ["e"], {7: change(picture((2, 1)))})
    result = run(write(tmp_path, [*PEOPLE, copy]), options=("--leaks", "--json"))
    assert result.exit_code == 1
    (pair,) = json.loads(result.stdout)["leaks"]["frames"]["pairs"]
    assert (pair["splits"], pair["frames"]) == (["train", "test"], 1)
    (named,) = pair["named"]
    assert named["videos"] == ["made/real/raw/b", "made/real/raw/e"]
    assert named["frame_indices"] == [5, 7]
    assert named["mirrored"] == (change in (mirrored, all_at_once))
    assert leaks.THRESHOLD <= named["correlation"] <= 1


def test_a_near_duplicate_is_printed_with_both_names(tmp_path):
    result = run(write(tmp_path, [*PEOPLE, ("val", "made/real/raw/e", ["e"], {7: picture((1, 2))})]))
    assert "1 near-duplicate pairs of frames in train and val" in result.stdout
    assert "made/real/raw/a frame 10 (train) and made/real/raw/e frame 7 (val): correlation 1.000\n" in result.stdout


def test_different_people_who_are_much_alike_are_not_reported(tmp_path):
    people = [("train" if seed < 4 else "test", str(seed), picture(seed, likeness=0.45)) for seed in range(8)]
    cells = np.stack([cv2.resize(frame, (24, 24), interpolation=cv2.INTER_AREA).mean(axis=2) for *_, frame in people])
    assert np.corrcoef(cells.reshape(8, -1)).min() > leaks.FLOOR
    clips = [(split, f"made/real/raw/{name}", [name], {0: frame}) for split, name, frame in people]
    assert leaks.near_duplicates([write(tmp_path, clips)])["pairs"] == []


def test_pictures_without_contrast_are_alike_to_nothing(tmp_path):
    flat = {0: np.full((SIZE, SIZE, 3), 7, np.uint8)}
    clips = [("train", "made/real/raw/a", ["a"], flat), ("test", "made/real/raw/b", ["b"], flat)]
    assert leaks.near_duplicates([write(tmp_path, clips)])["pairs"] == []


def test_folders_are_compared_together(clean, tmp_path):
    copy = ("test", "more/real/raw/e", ["e"], {3: picture((1, 0))})
    other = write(tmp_path, [person("train", "c", 9), copy])
    assert run(other).exit_code == 0
    result = run(clean, other, options=("--leaks", "--json"))
    values = json.loads(result.stdout)
    assert result.exit_code == 1
    assert set(values["folders"]) == {str(clean), str(other)}
    assert values["leaks"]["subjects"] == [{"dataset": "made", "subject": "c", "splits": ["train", "val"]}]
    assert [pair["named"][0]["videos"] for pair in values["leaks"]["frames"]["pairs"]] == [
        ["made/real/raw/a", "more/real/raw/e"]
    ]


def test_of_several_compressions_the_best_is_compared(tmp_path):
    copy = ("test", "made/real/c40/e", ["e"], {0: picture((1, 0))})
    found = leaks.near_duplicates([write(tmp_path, [*PEOPLE, copy])])  # test has raw, so that its c40 is left out
    assert (found["compared"], found["pairs"]) == (12, [])
    only = write(tmp_path / "only", [person("train", "a", 1), copy])
    assert leaks.near_duplicates([only])["pairs"][0]["frames"] == 1


def test_frames_of_a_dense_and_a_coarse_grid_meet(tmp_path):
    """30 frames of a video of 90 in train, 10 in test: every frame of test is met by the same one of train."""
    clips = [
        (split, f"made/real/raw/{split}", [split], {int(i): picture(i) for i in evenly_spaced(90, count)})
        for split, count in (("train", 30), ("test", 10))
    ]
    found = leaks.near_duplicates([write(tmp_path, clips)])
    assert found["compared"] == 20
    assert [pair["frames"] for pair in found["pairs"]] == [10]


def test_what_is_named_is_bounded_and_the_most_alike_first(tmp_path, monkeypatch):
    monkeypatch.setattr(leaks, "NAMED", 2)
    monkeypatch.setattr(leaks, "BLOCK", 2)
    frames = [picture(0), jpeg(picture(0)), all_at_once(picture(0))]
    clips = [("train", f"made/real/raw/{i}", [f"t{i}"], {0: frames[0], 9: frames[0]}) for i in range(3)]
    clips += [("test", f"made/real/raw/{9 - i}", [f"x{i}"], {0: frame}) for i, frame in enumerate(frames)]
    (pair,) = leaks.near_duplicates([write(tmp_path, clips)])["pairs"]
    assert pair["frames"] == 18
    assert len(pair["named"]) == 2
    assert all(one["correlation"] == 1 and one["videos"][1] == "made/real/raw/9" for one in pair["named"])


def test_a_shard_that_does_not_read_is_named(tmp_path):
    folder = write(tmp_path, PEOPLE)
    shard = next((folder / "val").rglob("*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-50])
    with pytest.raises(DataError, match=shard.name):
        leaks.near_duplicates([folder])
