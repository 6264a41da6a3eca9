"""Loading a detector: in float32, and every unusable file is named in a sentence that is ours, not Keras's."""

import io
import json
import os
import zipfile

import h5py
import keras
import numpy as np
import pytest

from tfafsr import Detector, ModelError, load_detector
from tfafsr.calibration import Platt


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The file of a small compiled detector."""
    model = Detector(size=64, width=4, blocks=1, output="none", pooling="gap", dtype="mixed_bfloat16")
    model.calibration = Platt(1.75, -0.5)
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.optimizer.build(model.trainable_variables)
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    model.save(path)
    return path


def rewritten(saved, path, change):
    """A copy of the file whose config.json is what `change` makes of it."""
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(path, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            copy.writestr(name, json.dumps(change(json.loads(content))) if name == "config.json" else content)
    return path


def test_layers_are_float32_whatever_it_was_trained_with(saved):
    exact, trained = load_detector(saved), load_detector(saved, for_training=True)
    assert {layer.compute_dtype for layer in exact.layers if layer.weights} == {"float32"}
    assert (exact.options["dtype"], trained.options["dtype"]) == ("float32", "mixed_bfloat16")
    assert not exact.compiled
    assert trained.compiled
    assert exact.calibration == Platt(1.75, -0.5)
    for one, other in zip(trained.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def lambda_model(path):
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)]).save(path)


def a_fifo(path):
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "does not exist; give the model.keras"),
        (lambda path: path.mkdir(), "is no .keras file"),
        (a_fifo, "is no .keras file"),
        (lambda path: path.write_bytes(b"no model"), "damaged or was not written by Keras"),
        (lambda_model, r"another kind \(Sequential\)"),
    ],
)
def test_what_is_no_detector_is_named(tmp_path, write, message):
    path = tmp_path / "model.keras"
    write(path)
    with pytest.raises(ModelError, match=message) as caught:
        load_detector(path)
    assert "safe_mode" not in str(caught.value)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_is_damaged_and_not_missing(saved, tmp_path, part):
    path = tmp_path / "model.keras"
    content = saved.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(ModelError, match=r"is damaged.*cut off"):
        load_detector(path)


def lose_config(values):
    return {**values, "config": [1]}


def enlarge(values):
    return {**values, "config": {**values["config"], "width": 10**6}}


def widen(values):
    return {**values, "config": {**values["config"], "width": 8}}


def nest(values):
    return {**values, "config": {**values["config"], "margin": {"class_name": "Lambda", "config": {}}}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose_config, "holds no options"),
        (enlarge, r"width 1000000; it must be in \[1, 256\]"),
        (widen, "do not make a detector"),
        (nest, "do not make a detector"),
        (lambda values: [], "damaged"),
    ],
)
def test_a_changed_configuration_is_refused(saved, tmp_path, change, message):
    with pytest.raises(ModelError, match=message):
        load_detector(rewritten(saved, tmp_path / "model.keras", change))


def test_a_model_with_a_temperature_is_of_an_earlier_version(saved, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(path, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(".h5"):
                file = io.BytesIO(content)
                with h5py.File(file, "r+") as weights:  # as the layer TemperatureScaling was saved
                    weights.move("layers/platt_scaling", "layers/temperature_scaling")
                    del weights["layers/temperature_scaling/vars/1"]
                content = file.getvalue()
            copy.writestr(name, content)
    for for_training in (False, True):
        with pytest.raises(ModelError, match=r"model\.keras was saved by an earlier version.*temperature.*train again"):
            load_detector(path, for_training)


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_a_scale_that_would_turn_the_order_around_is_refused(saved, tmp_path, scale):
    model = load_detector(saved)
    model.calibration = Platt(scale, 0.0)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=rf"calibrated with the scale {scale}, which must be above 0"):
        load_detector(tmp_path / "model.keras")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(saved, tmp_path, value):
    model = load_detector(saved)
    layer = model.get_layer("logit")
    layer.bias.assign([value])
    model.save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=r"NaN or infinite \(logit/bias\)"):
        load_detector(tmp_path / "model.keras")
