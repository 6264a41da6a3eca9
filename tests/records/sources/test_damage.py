"""Damaged copies of data sets: each damage is a skip or an error that names it, and other clips are still built."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from experiments.audit.survey import survey
from records.building import build_records
from records.errors import DataError
from records.footage import info, write_video
from records.forge import arrange
from records.shards import Manifest, verify
from records.sources.options import SourceOptions
from records.sources.registry import find as find_in
from tests.records.footage.videos import encode, frames_of, turned
from tests.records.written import OPTIONS, examples_of, in_this_process

REPOSITORY = Path(__file__).resolve().parents[3]
REALS, FAKES = "original_sequences/youtube", "manipulated_sequences/Deepfakes"
LISTS = {"m3u8": "#EXTM3U\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n", "ffconcat": "ffconcat version 1.0\nfile '{0}'\n"}


def find(source, root, **options):
    return find_in(root, SourceOptions(source=source, **options))


def run(root, out, source="ffpp", **options):
    """Builds in this process and returns the manifest."""
    found = find(source, root, **options)
    build_records(found, out, OPTIONS, source=source, say=str, run=in_this_process)
    verify(out)
    return Manifest.load(out)


def reasons(manifest):
    return {skip.clip.partition("/")[2]: skip.reason for skip in manifest.skips}


@pytest.fixture(scope="module")
def v3(tmp_path_factory, write_tree):
    return write_tree(tmp_path_factory.mktemp("v3") / "data", methods=("Deepfakes", "FaceSwap"))


@pytest.fixture(scope="module")
def whole(v3, tmp_path_factory):
    """(manifest, examples) of the undamaged tree."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return run(v3, out), examples_of(out)


@pytest.fixture
def root(v3, tmp_path):
    return Path(shutil.copytree(v3, tmp_path / "data"))


def test_damaged_and_missing_videos_are_skips_with_their_reasons(root, tmp_path, whole):
    reals, fakes = root / REALS, root / FAKES
    for level in ("raw", "c40"):
        (reals / level / "videos/004.mp4").unlink()  # a missing twin
    (reals / "raw/videos/002.mp4").write_bytes(b"")  # a damaged twin, of zero bytes
    cut = fakes / "c40/videos/000_001.mp4"
    cut.write_bytes(cut.read_bytes()[:-900])  # cuts off the video's index
    cut = fakes / "c40/videos/001_000.mp4"
    encode(tmp_path / "front.mp4", frames_of(cut), movflags="faststart")
    cut.write_bytes((tmp_path / "front.mp4").read_bytes()[: (tmp_path / "front.mp4").stat().st_size // 3])
    (fakes / "c40/videos/003_002.mp4").write_text("<html>Quota exceeded</html>")
    for (kind, text), name in zip(LISTS.items(), ("000", "001"), strict=True):
        shutil.copy(reals / f"raw/videos/{name}.mp4", reals / f"c40/videos/{kind}-target.mp4")
        (reals / f"c40/videos/{name}.mp4").write_text(text.format(f"{kind}-target.mp4"))
    write_video(fakes / "c40/videos/005_004.mp4", frames_of(fakes / "c40/videos/005_004.mp4")[:1])
    small = [frame[::2, ::2] for frame in frames_of(fakes / "raw/videos/005_004.mp4")]
    write_video(root / "manipulated_sequences/FaceSwap/c40/videos/005_004.mp4", small)
    (fakes / "masks/videos").mkdir(parents=True)  # the data set's own masks, which building does not need
    write_video(fakes / "masks/videos/000_001.mp4", [np.zeros((160, 160, 3), np.uint8)])
    (fakes / "masks/videos/001_000.mp4").write_bytes(b"no mask")

    manifest = run(root, tmp_path / "out")
    expected = {
        **{f"real/{level}/004": "videos/004.mp4 is missing; the split test names it" for level in ("raw", "c40")},
        **{
            f"{method}/{level}/004_005": "its pristine twin 004.mp4 is missing in original_sequences/youtube"
            for method in ("Deepfakes", "FaceSwap")
            for level in ("raw", "c40")
        },
        **{f"real/{level}/002": "raw/videos/002.mp4 does not open as a video" for level in ("raw", "c40")},
        **{
            f"{method}/{level}/002_003": "raw/videos/002.mp4 does not open as a video"
            for method in ("Deepfakes", "FaceSwap")
            for level in ("raw", "c40")
        },
        "Deepfakes/c40/000_001": "000_001.mp4 does not open as a video",
        "Deepfakes/c40/001_000": "001_000.mp4 ",  # decodes up to the cut
        "Deepfakes/c40/003_002": "003_002.mp4 does not open as a video",
        "real/c40/000": "c40/videos/000.mp4 does not open as a video",
        "real/c40/001": "c40/videos/001.mp4 does not open as a video",
        "FaceSwap/c40/005_004": "005_004.mp4 has another frame size than",
    }
    found = reasons(manifest)
    assert found.keys() == expected.keys()
    for clip, reason in expected.items():
        assert reason in found[clip], clip
    assert "cut off" in found["Deepfakes/c40/001_000"] or "shorter" in found["Deepfakes/c40/001_000"]
    assert len(manifest.clips) == len(whole[0].clips) - len(expected)

    single = manifest.clips["ffpp/Deepfakes/c40/005_004"]
    assert single.shortened == "1 frames, its pristine twin 8: the first 1 are used"
    assert single.frames_scored == 1
    examples = examples_of(tmp_path / "out")
    assert {index for video, index in examples if video == "ffpp/Deepfakes/c40/005_004"} == {0}
    untouched = [key for key in whole[1] if key[0] in manifest.clips and key[0] != "ffpp/Deepfakes/c40/005_004"]
    for key in untouched:
        np.testing.assert_array_equal(examples[key].frame, whole[1][key].frame)
        np.testing.assert_array_equal(examples[key].mask, whole[1][key].mask)


def test_two_clips_of_one_name_in_two_methods_stay_apart(whole):
    manifest, examples = whole
    assert manifest.skips == []
    names = [f"ffpp/{method}/c40/000_001" for method in ("Deepfakes", "FaceSwap")]
    for name in names:
        assert manifest.clips[name].method == name.split("/")[1]
        assert sum(video == name for video, _ in examples) == 4
    assert manifest.counts["train"]["c40"] == {"real": 8, "Deepfakes": 8, "FaceSwap": 8}


def test_a_split_that_shares_an_identity_is_an_error_before_anything_is_built(root, tmp_path):
    (root / "splits/val.json").write_text('[["002", "003"], ["000", "009"]]')
    with pytest.raises(DataError, match=r"val\.json and train\.json share 000; no identity may be in two splits"):
        run(root, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_links_out_of_the_root(root, tmp_path, whole):
    lower, best, inner = (
        root / FAKES / name for name in ("c40/videos/000_001.mp4", "raw/videos/004_005.mp4", "c40/videos/001_000.mp4")
    )
    for path in (lower, best):
        outside = shutil.move(path, tmp_path / path.name)
        path.symlink_to(outside)
    shutil.move(inner, root / "moved.mp4")
    inner.symlink_to(root / "moved.mp4")  # a link inside of the root is allowed
    manifest = run(root, tmp_path / "out")
    found = reasons(manifest)
    assert found.keys() == {"Deepfakes/c40/000_001", "Deepfakes/raw/004_005", "Deepfakes/c40/004_005"}
    assert all("is a link that leads out of" in reason and "--follow-links" in reason for reason in found.values())
    assert len(manifest.clips) == len(whole[0].clips) - 3
    followed = run(root, tmp_path / "followed", follow_links=True)
    assert followed.content_hash == whole[0].content_hash


def test_frame_folders_with_missing_or_duplicate_numbers_links_and_other_sizes(v3, tmp_path, whole):
    root = tmp_path / "data"
    arrange("images", v3, root)
    folders = {name: root / FAKES / f"c40/images/{name}" for name in ("000_001", "001_000", "002_003", "004_005")}
    (folders["000_001"] / "0003.png").unlink()
    shutil.copy(folders["001_000"] / "0003.png", folders["001_000"] / "frame3.png")
    shutil.copy(folders["002_003"] / "0003.png", tmp_path / "outside.png")
    (folders["002_003"] / "0008.png").symlink_to(tmp_path / "outside.png")
    cv2.imwrite(str(folders["004_005"] / "0003.png"), np.zeros((100, 100, 3), np.uint8))
    shutil.rmtree(root / REALS / "c40/images/005")
    found = reasons(run(root, tmp_path / "out"))
    expected = {
        "Deepfakes/c40/000_001": "000_001 lacks the picture with the number 3",
        "Deepfakes/c40/001_000": "001_000 holds two pictures with the number 3; remove one",
        "Deepfakes/c40/002_003": "0008.png is a link that leads out of",
        "Deepfakes/c40/004_005": "0003.png has another size than the pictures before it",
        "real/c40/005": "original_sequences/youtube/c40/images/005 is missing",
    }
    assert found.keys() == expected.keys()
    for clip, reason in expected.items():
        assert reason in found[clip]


def test_videos_of_other_kinds_give_the_same_faces(root, tmp_path, whole):
    """8-bit grey, 10 bits, a variable frame rate, a camera on its side: each replaces a real clip and a fake."""
    places = {
        "gray": [f"{REALS}/c40/videos/000.mp4", f"{FAKES}/c40/videos/000_001.mp4"],
        "10 bits": [f"{REALS}/c40/videos/001.mp4", f"{FAKES}/c40/videos/001_000.mp4"],
        "variable": [f"{REALS}/c40/videos/004.mp4", f"{FAKES}/c40/videos/004_005.mp4"],
        "turned": [
            f"{start}/{level}/videos/{name}.mp4"
            for level in ("raw", "c40")
            for start, name in ((REALS, "005"), (FAKES, "005_004"), (FAKES.replace("Deepfakes", "FaceSwap"), "005_004"))
        ],
    }
    for kind, paths in places.items():
        for path in (root / place for place in paths):
            frames = frames_of(path)
            if kind == "gray":
                path.unlink()
                encode(path.with_suffix(".mkv"), frames, codec="ffv1", pix_fmt="gray")
                assert (info(path.with_suffix(".mkv")).pix_fmt, info(path.with_suffix(".mkv")).frames) == ("gray", 0)
            elif kind == "10 bits":
                encode(path, frames, pix_fmt="yuv420p10le")
                assert info(path).pix_fmt == "yuv420p10le"
            elif kind == "variable":
                encode(path, frames, times=[0, 10, 300, 301, 900, 1000, 4000, 4040])
            else:
                turned(path, frames)
    manifest = run(root, tmp_path / "out")
    examples = examples_of(tmp_path / "out")
    assert manifest.skips == []
    assert examples.keys() == whole[1].keys()
    for key, example in examples.items():
        expected = whole[1][key]
        assert np.abs(example.box - expected.box).max() <= 4  # turned videos are encoded again, boxes differ a little
        difference = np.abs(example.frame.astype(int) - expected.frame).mean()
        if "/c40/000" in key[0] and "FaceSwap" not in key[0]:
            assert np.ptp(example.frame.astype(int), axis=2).max() <= 2
        else:
            assert 2 * difference < np.abs(example.frame.astype(int) - np.rot90(expected.frame)).mean(), key


def test_frame_sizes_are_compared_after_frames_are_turned_upright(root, tmp_path, whole):
    """An original stored on its side with a rotation, fakes stored upright, and one fake on its side without one."""
    sideways = root / FAKES.replace("Deepfakes", "FaceSwap") / "c40/videos/004_005.mp4"
    for path in [*root.rglob("004_005.mp4"), *root.rglob("004.mp4")]:
        narrow = [frame[:, 16:144] for frame in frames_of(path)]
        if path == sideways:
            narrow = [np.rot90(frame) for frame in narrow]
        (turned if path.name == "004.mp4" else encode)(path, narrow)
    assert info(root / REALS / "c40/videos/004.mp4").width == 160
    found = find("ffpp", root)
    manifest = run(root, tmp_path / "out")
    assert reasons(manifest).keys() == {"FaceSwap/c40/004_005"}
    assert f"has another frame size than {sideways}" in reasons(manifest)["FaceSwap/c40/004_005"]
    (unfit,) = survey(found, OPTIONS, workers=1, sample=0, faces=0).unreadable
    assert unfit["clip"] == "ffpp/FaceSwap/c40/004_005"
    examples = examples_of(tmp_path / "out")
    assert all(abs(examples[key].keypoints - whole[1][key].keypoints).max() < 0.05 for key in examples)


def test_unicode_spaces_and_long_names_are_built(v3, tmp_path):
    arrange("folder", v3, tmp_path / "data")
    root = tmp_path / "data"
    names = [
        "Пётр и Волк.mp4",
        "naïve take (2) #1.mp4",
        "顔 😀.mp4",
        f"{'長' * 80}.mp4",
        "a\nb.mp4",
        "-rf $HOME; %s.mp4",
    ]
    for number, name in enumerate(names):
        (root / f"real/{number:03d}.mp4").rename(root / "real" / name)
    (root / "fake/Deepfakes").rename(root / "fake/Méthode nº 1")
    manifest = run(root, tmp_path / "out", "folder")
    assert manifest.skips == []
    videos = {video for video, _ in examples_of(tmp_path / "out")}
    assert {f"folder/real/as-is/real/{name}" for name in names} <= videos
    assert sum(video.startswith("folder/Méthode nº 1/as-is/") for video in videos) == 6


@contextlib.contextmanager
def nobody():
    """Runs the block as the user nobody, because permissions do not bind root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that every user may write into; it is removed afterwards, whatever its files' permissions are."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder)


def test_a_file_that_may_not_be_read_is_a_skip(v3, open_folder, whole):
    root = Path(shutil.copytree(v3, open_folder / "data"))
    (root / FAKES / "c40/videos/000_001.mp4").chmod(0)
    with nobody():
        manifest = run(root, open_folder / "out")
    (reason,) = reasons(manifest).values()
    assert "000_001.mp4 does not open as a video or a picture: Permission denied" in reason
    assert len(manifest.clips) == len(whole[0].clips) - 1


def test_a_frame_folder_that_may_not_be_read_is_a_skip(v3, open_folder, whole):
    root = open_folder / "data"
    arrange("images", v3, root)
    (root / FAKES / "c40/images/000_001").chmod(0)
    with nobody():
        manifest = run(root, open_folder / "out")
    (reason,) = reasons(manifest).values()
    assert "c40/images/000_001 cannot be read (Permission denied); change its permissions" in reason
    assert len(manifest.clips) == len(whole[0].clips) - 1


@pytest.mark.parametrize(
    ("layout", "source", "place"),
    [
        ("c0", "ffpp", f"{FAKES}/c40/videos"),
        ("c0", "ffpp", f"{FAKES}/c40"),
        ("c0", "ffpp", "splits"),
        ("folder", "folder", "fake/Deepfakes"),
        ("deepfaketimit", "deepfaketimit", "DeepfakeTIMIT/lower_quality/faaa0"),
        ("deepfaketimit", "deepfaketimit", "DeepfakeTIMIT/lower_quality"),
        ("deepfaketimit", "deepfaketimit", "VidTIMIT"),
    ],
)
def test_a_folder_that_may_not_be_read_is_named_before_anything_is_built(v3, open_folder, layout, source, place):
    root = open_folder / "data"
    arrange(layout, v3, root)
    find(source, root)
    (root / place).chmod(0)
    with nobody(), pytest.raises(DataError, match=rf"{Path(place).name}.* cannot be read \(Permission denied\)"):
        find(source, root)


def test_files_in_a_folder_that_may_not_be_read_are_skips_if_a_table_or_a_twin_names_them(v3, open_folder):
    arrange("folder", v3, open_folder / "data")
    table = open_folder / "data/labels.csv"
    assert find("folder", open_folder / "data", csv=table).skips == []
    (open_folder / "data/fake/Deepfakes").chmod(0)
    with nobody():
        found = find("folder", open_folder / "data", csv=table)
    assert len(found.skips) == 6
    assert all("Permission denied" in skip.reason and "Deepfakes" in skip.reason for skip in found.skips)
    arrange("deepfaketimit", v3, open_folder / "timit")
    (open_folder / "timit/VidTIMIT/faaa0").chmod(0)
    with nobody():
        found = find("deepfaketimit", open_folder / "timit")
    assert {skip.clip.split("/")[3] for skip in found.skips} == {"faaa0"}
    assert all("faaa0/video cannot be read (Permission denied)" in skip.reason for skip in found.skips)
    assert len(found.clips) == 24 - len(found.skips)


MEMORY = """
import sys
from pathlib import Path
from records.building import BuildOptions, ClipGroup, build_group
from records.building.workers import peak_memory
from records.footage import Footage
from records.sources import Clip

def peak(path):
    footage = Footage(Path(path))
    clip = Clip("d", "real", "raw", "train", "x", footage, 0, ("x",), "x", footage, footage, "raw", True, True)
    (built,) = build_group(ClipGroup("train-x", (clip,)), BuildOptions(size=64), Path("none"))
    print(len(built.records), built.entry.frames_without_face, peak_memory())

for path in sys.argv[1:]:
    peak(path)
"""


@pytest.mark.slow  # about 20 s: a video of this size is written and read
def test_a_4k_video_takes_memory_for_a_few_frames_only(v3, tmp_path):
    """64 frames of 3840 x 2160 are 1.6 GB in RGB."""
    small = next(iter(frames_of(v3 / REALS / "raw/videos/000.mp4")))
    large = cv2.resize(small, (3840, 2160))
    encode(tmp_path / "4k.mp4", (np.roll(large, 8 * t, axis=1) for t in range(64)), codec="mpeg4")
    assert info(tmp_path / "4k.mp4").frames == 64
    arguments = [sys.executable, "-c", MEMORY, v3 / REALS / "raw/videos/000.mp4", tmp_path / "4k.mp4"]
    done = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (faces, none, before), (more, missed, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert (faces, none) == (8, 0)
    assert more + missed == 64
    assert after - before < 300e6
