"""The edge bundle is written completely or not at all, and runs in an environment without TensorFlow."""

import importlib.metadata
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from records.building import mtcnn_networks
from records.errors import DataError
from savedmodel_export import export_edge, open_exported
from savedmodel_export.edge_runtime.__main__ import main
from savedmodel_export.tflite import read_description


def test_the_bundle_holds_what_a_device_needs(bundle):
    names = {str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file()}
    assert {"detector.tflite", "pnet.tflite", "rnet.tflite", "onet.tflite", "requirements.txt", "README.md"} <= names
    assert {"edge_runtime/__main__.py", "faces/mtcnn.py", "edge_runtime/detector.py"} <= names
    assert read_description(bundle / "detector.tflite")["form"] == "none"
    assert not list(bundle.parent.glob("*tmp*"))
    assert open_exported(bundle).form == "none"


def test_no_operation_beyond_the_builtin_ones(bundle):
    for name in ("pnet", "rnet", "onet"):
        assert b"Flex" not in (bundle / f"{name}.tflite").read_bytes(), name


def test_what_is_there_already_is_left_alone(detector, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty; give --out a new folder"):
        export_edge(detector, tmp_path, {})
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_failed_export_leaves_nothing(detector, tmp_path):
    with pytest.raises(DataError, match="representative faces"):
        export_edge(detector, tmp_path / "bundle", {}, "int8")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_named_and_nothing_is_left(simplest, full_disk, tmp_path):
    with full_disk(), pytest.raises(DataError, match=r"bundle cannot be written \(File too large\)"):
        export_edge(simplest, tmp_path / "bundle", mtcnn_networks())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow  # takes more than 20 s: pip installs 300 MB, which is the one proof that the bundle needs no more
def test_in_a_fresh_environment_without_tensorflow(bundle, portrait, tmp_path, capsys):
    """Installs the bundle's requirements and nothing else, and runs the bundle on an image there."""
    cv2.imwrite(str(tmp_path / "person.png"), portrait(0, 240)[..., ::-1])
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    subprocess.run([*pip, "-r", str(bundle / "requirements.txt")], check=True, capture_output=True)
    without = subprocess.run([str(python), "-c", "import tensorflow"], capture_output=True, text=True)
    assert "No module named 'tensorflow'" in without.stderr

    command = [str(python), "-m", "edge_runtime", str(tmp_path / "person.png"), "--json"]
    printed = subprocess.run(command, cwd=bundle, check=True, capture_output=True, text=True).stdout
    assert main([str(tmp_path / "person.png"), "--json", "--models", str(bundle)]) == 0
    (found,), (expected,) = json.loads(printed), json.loads(capsys.readouterr().out)
    assert found["probability"] == pytest.approx(expected["probability"], abs=1e-4)
    np.testing.assert_allclose(found["frames"][0]["box"], expected["frames"][0]["box"], atol=0.02)

    installed = sum(path.stat().st_size for path in (tmp_path / "env").rglob("*") if path.is_file())
    tensorflow = sum(file.locate().stat().st_size for file in importlib.metadata.files("tensorflow"))
    print(f"installed: {installed / 1e6:.0f} MB, TensorFlow alone {tensorflow / 1e6:.0f} MB")
    assert installed < tensorflow / 2
