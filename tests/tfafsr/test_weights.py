"""Weights in a file: written and read they give the same detector, and every unusable file is named."""

import hashlib
import json

import numpy as np
import pytest

from tfafsr import Detector, WeightsError, weights
from tfafsr.calibration import Platt
from tfafsr.presets import PRESETS

PRESET = "tiny"
CARD = "# A card\n\nTrained on nothing."


@pytest.fixture(scope="module")
def detector():
    model = Detector.from_preset(PRESET, afsr_weight=123.0)
    rng = np.random.default_rng(0)
    model.set_weights([value + rng.normal(0, 0.01, value.shape) ** 2 for value in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def file(detector, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "some-1.npz"
    weights.write_weights(path, detector, PRESET, CARD)
    return path


def test_a_file_gives_the_detector_its_preset_and_its_card(detector, file):
    found = weights.read_weights(file)
    assert (found.preset, found.card) == (PRESET, CARD)
    again = Detector.from_preset(PRESET, weights=file)
    assert again.options["afsr_weight"] == 123.0
    for mine, theirs in zip(detector.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(theirs, mine, rtol=1e-3, atol=1e-6)
        if mine.ndim < 2:
            np.testing.assert_array_equal(theirs, mine)


def test_options_of_the_loss_and_the_dtype_can_be_replaced(file):
    model = Detector.from_preset(PRESET, weights=file, afsr_weight=5.0, dtype="mixed_bfloat16")
    assert model.options["afsr_weight"] == 5.0
    assert model.options["dtype"] == "mixed_bfloat16"


def test_another_architecture_or_preset_is_refused(file):
    with pytest.raises(WeightsError, match="are for width=16, not 32"):
        Detector.from_preset(PRESET, weights=file, width=32)
    with pytest.raises(WeightsError, match="are for the preset tiny, not small"):
        Detector.from_preset("small", weights=file)
    with pytest.raises(WeightsError, match=r"are for mask_weight=0\.0, not 1\.0"):
        Detector.from_preset(PRESET, weights=file, mask_weight=1.0)


def test_only_a_detector_of_the_preset_is_written(tmp_path):
    with pytest.raises(ValueError, match="the detector has width=4, the preset tiny 16"):
        weights.write_weights(tmp_path / "x.npz", Detector.from_preset(PRESET, width=4), PRESET, CARD)


def damaged(file, path, change):
    with np.load(file) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays["meta"].tobytes())
    change(meta, arrays)
    if "meta" in arrays:
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda meta, arrays: meta.update(format=1), "has the format 1; this version, .*, reads 2"),
        (lambda meta, arrays: meta.update(preset="huge"), "is damaged: an unknown preset"),
        (lambda meta, arrays: meta["options"].update(width=8), "do not fit this version.*other shapes"),
        (lambda meta, arrays: meta["options"].update(wings=2), "do not fit this version"),
        (lambda meta, arrays: arrays.pop("0003"), "is damaged, or holds no weights"),
        (lambda meta, arrays: arrays.pop("meta"), "is damaged, or holds no weights"),
        (lambda meta, arrays: arrays.update({"0003": np.float32([np.nan])}), "values that are not finite"),
        (lambda meta, arrays: meta.update(arrays=3), "other shapes"),
    ],
)
def test_a_damaged_file_is_named(file, tmp_path, change, message):
    path = damaged(file, tmp_path / "bad.npz", change)
    with pytest.raises(WeightsError, match=message) as caught:
        weights.read_weights(path).detector()
    assert "bad.npz" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"no weights"])
def test_what_is_no_archive_is_named(tmp_path, content):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.npz is damaged, or holds no weights"):
        weights.read_weights(tmp_path / "bad.npz")


def test_a_cut_file_is_named(file, tmp_path):
    (tmp_path / "bad.npz").write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(WeightsError, match=r"bad\.npz is damaged"):
        weights.read_weights(tmp_path / "bad.npz")


def test_an_unknown_name_lists_those_that_ship():
    with pytest.raises(WeightsError, match="there are no weights photos-99; give a file, or one of those that ship"):
        Detector.from_preset(PRESET, weights="photos-99")


def test_a_shipped_file_is_checked_against_its_hash(file, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "FOLDER", tmp_path)
    content = file.read_bytes()
    monkeypatch.setitem(weights.SHIPPED, "some-1", weights.Shipped(hashlib.sha256(content).hexdigest()))
    (tmp_path / "some-1.npz").write_bytes(content)
    assert Detector.from_preset(PRESET, weights="some-1").options["size"] == PRESETS[PRESET].size
    (tmp_path / "some-1.npz").write_bytes(content + b"x")
    with pytest.raises(WeightsError, match="is not the file that was shipped: it is cut or changed"):
        weights.read_weights("some-1")


@pytest.mark.parametrize("name", weights.SHIPPED)
def test_the_weights_that_ship_make_a_detector(name):
    found = weights.read_weights(name)
    assert weights.SHIPPED[name].file(name).stat().st_size <= 15_000_000
    assert found.card.startswith(f"# {name}\n")
    for title in ("Trained on", "AUC by quality", "AUC by group", "Calibration", "What it is not for", "Made by"):
        assert f"## {title}" in found.card
    detector = Detector.from_preset(found.preset, weights=name)
    assert detector.calibration != Platt()
    size = detector.options["size"]
    frame = np.random.default_rng(0).integers(256, size=(2, size, size, 3), dtype=np.uint8)
    points = np.tile(np.float32([(0.35, 0.4), (0.65, 0.4), (0.5, 0.55), (0.38, 0.7), (0.62, 0.7)]), (2, 1, 1))
    outputs = detector.deployed()({"frame": frame, "keypoints": points})
    assert all(np.isfinite(value).all() for value in outputs.values())
    restored = (np.clip(outputs["reconstruction"], -1, 1) + 1) * 127.5
    assert 0.1 < np.abs(restored - frame).mean() < 40
