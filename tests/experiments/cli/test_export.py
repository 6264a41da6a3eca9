"""The commands export and verify: files are written, compared with the run, and bad input is named."""

import io
import json

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from experiments.cli.main import cli
from experiments.config import DetectorOptions, TrainConfig
from experiments.runs import save_config
from experiments.tables import comparison_table
from savedmodel_export.tflite import read_description
from tfafsr import Detector


@pytest.fixture(scope="module")
def detector():
    """Untrained, its last layer scaled so that probabilities lie around 0.5 and differ from face to face."""
    keras.utils.set_random_seed(3)
    model = Detector(size=64, width=4, blocks=1, output="none", pooling="gap")
    rng = np.random.default_rng(3)
    faces = {"frame": rng.integers(90, 160, (8, 64, 64, 3), dtype=np.uint8), "keypoints": np.full((8, 5, 2), 0.5)}
    logits = model.deployed().predict(faces, verbose=0)["logit"]
    kernel, bias = model.get_layer("logit").get_weights()
    scale = 4 * logits.std()
    model.get_layer("logit").set_weights([kernel / scale, (bias - logits.mean()) / scale])
    return model


@pytest.fixture(scope="module")
def run(detector, made_records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exporting") / "run"
    folder.mkdir()
    detector.save(folder / "model.keras")
    options = DetectorOptions(size=64, width=4, blocks=1, output="none", pooling="gap")
    save_config(folder, TrainConfig((str(made_records),), ("c40",), "tiny", options), ["0" * 64], ["FaceSwap"])
    return folder


def call(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def exported(run, made_records, tmp_path_factory):
    """What three exports wrote."""
    folder = tmp_path_factory.mktemp("exported")
    paths = [folder / "tfafsr", folder / "none.tflite", folder / "int8.tflite"]
    for path, options in zip(
        paths,
        (
            ["--format", "savedmodel"],
            ["--format", "tflite"],
            ["--format", "tflite", "--quantize", "int8", "--records", made_records, "--faces", 8],
        ),
        strict=True,
    ):
        result = call("export", "--run", run, "--out", path, *options)
        assert result.exit_code == 0, result.output
        assert "Written: " in result.output
    return paths


@pytest.mark.slow
def test_each_format_is_written(exported):
    saved_model, plain, int8 = exported
    assert (saved_model / "1" / "saved_model.pb").is_file()
    assert read_description(plain)["form"] == "none"
    assert read_description(int8)["form"] == "int8"
    assert sorted(path.name for path in plain.parent.iterdir()) == ["int8.tflite", "none.tflite", "tfafsr"]


@pytest.mark.slow  # more than 20 s: two processes measure the latency of four models
def test_verify_prints_json_alone_and_its_table_fits_80_columns(exported, run, made_records):
    result = call("verify", *exported, "--run", run, "--records", made_records, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["split"], found["compression"]) == ("test", "c40")
    assert found["keras"]["n"] == 27
    assert [model["form"] for model in found["models"]] == ["savedmodel", "none", "int8"]
    for row in (found["keras"], *found["models"]):
        assert set(row["latency_ms"]) == {"1", "2"}
        assert all(0.01 < value < 10_000 for value in row["latency_ms"].values())
    console = Console(width=80, file=io.StringIO())
    console.print(comparison_table(found))
    text = console.file.getvalue()
    for word in ("Keras", "SavedModel", "LiteRT float32", "LiteRT int8", "ms, 2", "threads", "lost", "MB"):
        assert word in text
    assert "…" not in text  # nothing is cut off


@pytest.mark.slow
def test_verify_ends_with_status_1_where_the_weights_are_others(exported, detector, made_records, tmp_path):
    other = Detector.from_config(detector.get_config())
    other.set_weights(detector.get_weights())
    other.get_layer("logit").set_weights([-value for value in detector.get_layer("logit").get_weights()])
    other.save(tmp_path / "model.keras")
    arguments = ["--run", tmp_path / "model.keras", "--records", made_records, "--compression", "c40", "--no-latency"]
    result = call("verify", exported[1], *arguments)
    assert result.exit_code == 1
    assert "ms" not in result.output.split()
    assert "difference of the probability is" in result.output
    assert "All agree" not in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "tflite", "--quantize", "int8"], "needs --records"),
        (["--format", "savedmodel", "--quantize", "int8"], "--quantize is for"),
        (["--format", "tflite", "--version", "2"], "--version is for"),
        (["--format", "tflite", "--records", "records"], "are for --quantize int8"),
        (["--format", "onnx"], "'onnx' is not one of"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(options, message, tmp_path):
    result = call("export", "--run", tmp_path, "--out", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_bad_input_is_named(run, made_records, tmp_path):
    out = tmp_path / "out"
    (tmp_path / "notes").write_text("mine")
    (tmp_path / "model.keras").write_bytes((run / "model.keras").read_bytes())
    int8 = ["--format", "tflite", "--quantize", "int8"]
    for arguments, message in (
        (["export", "--run", tmp_path / "none", "--format", "tflite", "--out", out], "does not exist"),
        (["export", "--run", tmp_path / "notes", "--format", "tflite", "--out", out], "no .keras file"),
        (["export", "--run", run, "--out", out, *int8, "--records", tmp_path], "no finished records"),
        (["export", "--run", run, "--out", out, *int8, "--records", made_records, "--compression", "c23"], "'c23'"),
        (
            ["export", "--run", tmp_path / "model.keras", "--out", out, *int8, "--records", made_records],
            "--compression",
        ),
        (["verify", tmp_path / "notes", "--run", run, "--records", made_records], "no detector that"),
        (["verify", tmp_path / "none", "--run", run, "--records", made_records], "does not exist"),
        (["verify", tmp_path, "--run", run, "--records", made_records], "neither saved_model.pb nor"),
        (["verify", tmp_path / "notes", "--run", run, "--records", tmp_path], "no"),
    ):
        result = call(*arguments)
        assert result.exit_code == 1, result.output
        assert message in " ".join(result.output.split())
        assert result.output.startswith("Error: ") or "Error: " in result.output
    assert not out.exists()
