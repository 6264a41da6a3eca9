"""Fixtures for all tests: small records that are written directly, without videos, and a tiny data set.

Faces are noise, the manipulated ones with a planted pattern.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
if "PYTEST_XDIST_WORKER" in os.environ:  # as many processes as cores: more threads would only wait for each other
    for _threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(_threads, "1")

import cv2
import numpy as np
import pytest

from faces import ela
from records.shards import ClipEntry, Example, Manifest, SplitsOrigin, example_key, serialize, write_shards
from tests import drawn
from tests.browser import chromium
from tests.shared import made_once

SIZE = 64
SPLITS = {"train": range(0, 4), "val": range(4, 6), "test": range(6, 9)}
METHODS = ("real", "Deepfakes", "FaceSwap")
FRAMES = 3


def pytest_collection_modifyitems(items):
    """The longest module comes first, so that one of the two test processes does not run it alone at the end."""
    items.sort(key=lambda item: "test_quickstart" not in item.nodeid)


def face(rng: np.random.Generator, label: int) -> tuple[np.ndarray, np.ndarray]:
    """A frame and its mask; manipulated ones carry a checkerboard in the middle."""
    frame = rng.integers(90, 160, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.zeros((SIZE, SIZE, 1), np.uint8)
    if label:
        mask[20:44, 20:44] = 255
        frame[20:44:2, 20:44] //= 3
    return frame, mask


def _write_records(folder, size=SIZE, dataset="made", compression="c40", burst=1):
    """Records of nine people in three splits: each a real clip and two fakes, three frames each, at one compression.

    With a `burst` of more than 1 each clip has that many neighbouring frames.
    """
    frames = FRAMES if burst == 1 else burst
    shards, clips, counts = {}, {}, {}
    for split, people in SPLITS.items():
        for method in METHODS:
            label = int(method != "real")
            items = []
            for person in people:
                rng = np.random.default_rng((person, label, len(method)))
                video = f"{dataset}/{method}/{compression}/{person:03d}"
                for index in range(frames):
                    frame, mask = face(rng, label)
                    example = Example(
                        frame=frame,
                        target=frame,
                        target_known=1,
                        ela=ela.error_level_analysis(frame),
                        mask=mask,
                        mask_known=1,
                        keypoints=rng.uniform(0.3, 0.7, (5, 2)).astype(np.float32),
                        label=label,
                        dataset=dataset,
                        method=method,
                        compression=compression,
                        split=split,
                        video=video,
                        subjects=[f"{person:03d}"],
                        frame_index=index,
                        clip_position=index if burst > 1 else 0,
                        box=np.array([0, 0, SIZE, SIZE], np.float32),
                    )
                    key = example_key(video, index, example.clip_position)
                    items.append((key, lambda example=example: serialize(example)))
                clips[video] = ClipEntry(
                    split=split,
                    label=label,
                    method=method,
                    compression=compression,
                    subjects=(f"{person:03d}",),
                    frames_scored=frames,
                    frames_without_face=1,
                    reasons={"no face": 1},
                    notes={"decoy": "blur" if person % 2 else None},
                )
            for path, shard in write_shards(items, folder / split / compression, method, 1).items():
                shards[path.relative_to(folder).as_posix()] = shard
            counts.setdefault(split, {}).setdefault(compression, {})[method] = len(items)
    drawn = {f"{person:03d}": split for split, people in SPLITS.items() for person in people}
    origin = SplitsOrigin(seed=0, drawn=drawn)
    Manifest(size, {"burst": burst}, {}, counts, clips, [], shards, origin).save(folder)
    return folder


@pytest.fixture(scope="session")
def made_records(tmp_path_factory):
    """Records of nine people; tests that change them copy them first."""
    return made_once(tmp_path_factory, "made", _write_records)


@pytest.fixture(scope="session")
def write_records():
    """The function (folder, size, dataset, compression) that writes such records."""
    return _write_records


@pytest.fixture(scope="session", autouse=True)
def _opencv_computes_as_in_a_builds_processes():
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    yield
    cv2.ipp.setUseIPP(before)


@pytest.fixture(name="draw_face", scope="session")
def _draw_face():
    return drawn.draw_face


@pytest.fixture(name="backdrop", scope="session")
def _backdrop():
    return drawn.backdrop


@pytest.fixture(name="clip_frames", scope="session")
def _clip_frames():
    return drawn.clip_frames


@pytest.fixture(name="write_tree", scope="session")
def _write_tree():
    return drawn.write_tree


@pytest.fixture(scope="session")
def browser():
    """Chromium; one for all tests of a process, because Playwright runs once in a thread."""
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """FaceForensics++ of drawn faces, with Deepfakes, at raw and c40; tests that change it copy it first."""
    return made_once(tmp_path_factory, "tree", drawn.write_tree)
