"""A run that begins with the weights of another one."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest
from keras_hub.models import ResNetBackbone

from experiments import beginnings, runs, training
from experiments.config import DetectorOptions
from records.errors import DataError
from tfafsr.initialisation import MEAN, SPREAD


def quiet(line):
    pass


@pytest.fixture(scope="module")
def small_config(train_config):
    """MesoNet, which trains in seconds: what is remembered of a beginning is the same for all methods."""
    return dataclasses.replace(train_config, detector=DetectorOptions(size=64), method="meso4", input_size=64, epochs=1)


@pytest.fixture(scope="module")
def first_run(small_config, tmp_path_factory):
    run = tmp_path_factory.mktemp("first") / "run"
    training.train(small_config, run, quiet)
    return run


@pytest.fixture
def own_first_run(first_run, tmp_path):
    return shutil.copytree(first_run, tmp_path / "first")


def after(config, run, **changes):
    return dataclasses.replace(config, weights=str(run), epochs=1, steps=1, **changes)


@pytest.mark.parametrize("size", [64, 96])
def test_weights_are_those_of_the_run_at_any_size(train_config, trained_run, size):
    options = dataclasses.replace(train_config.detector, size=size)
    model, earlier = (
        beginnings.new_model(after(train_config, trained_run, detector=options)),
        runs.load_detector(trained_run),
    )
    assert model.options["size"] == size
    assert model.calibration == earlier.calibration.__class__() != earlier.calibration
    for mine, theirs in zip(model.trainable_variables, earlier.trainable_variables, strict=True):
        assert np.array_equal(mine, theirs)


def test_other_layers_are_refused(train_config, trained_run):
    config = after(train_config, trained_run, detector=DetectorOptions(size=64, width=8, blocks=1))
    with pytest.raises(DataError, match=r"--weights: .* has width=4, not 8; give the options"):
        beginnings.new_model(config)
    with pytest.raises(DataError, match=r"--weights: photos-1 is no run folder, and meso4 begins with nothing"):
        beginnings.new_model(
            dataclasses.replace(config, detector=DetectorOptions(), method="meso4", weights="photos-1")
        )


def test_methods_that_the_run_before_knew_are_no_new_ones(small_config, first_run, tmp_path):
    training.train(after(small_config, first_run, leave_out=("FaceSwap",)), tmp_path / "run", quiet)
    assert runs.untrained(tmp_path / "run", ["Deepfakes", "FaceSwap", "Unknown"]) == ["Unknown"]


def test_resuming_remembers_what_the_run_before_knew(small_config, first_run, own_first_run, tmp_path):
    """Also where that run has gone."""
    people = json.loads((own_first_run / runs.PEOPLE_FILE).read_text())
    people["train"].append(["elsewhere", "somebody"])
    (own_first_run / runs.PEOPLE_FILE).write_text(json.dumps(people))
    config = after(small_config, own_first_run, leave_out=("FaceSwap",))
    training.train(config, tmp_path / "second", quiet)
    shutil.rmtree(own_first_run)
    training.train(dataclasses.replace(config, epochs=2), tmp_path / "second", quiet)
    assert ("elsewhere", "somebody") in runs.load_people(tmp_path / "second")["train"]
    assert runs.methods_of(tmp_path / "second") == runs.methods_of(first_run)


def test_beginning_that_fails_leaves_the_folder_free(small_config, first_run, tmp_path):
    with pytest.raises(DataError, match="holds a Meso4, not a Bayar; give its --method"):
        training.train(after(dataclasses.replace(small_config, method="bayar"), first_run), tmp_path / "run", quiet)
    training.train(after(small_config, first_run), tmp_path / "run", quiet)


def test_people_that_the_run_before_knew_are_no_strangers(small_config, own_first_run, tmp_path):
    path = own_first_run / runs.PEOPLE_FILE
    people = json.loads(path.read_text())
    path.write_text(json.dumps({**people, "train": [*people["train"], people["val"][0]]}))
    with pytest.raises(DataError, match="--weights: 1 people of the split val are in the split train with which"):
        training.train(after(small_config, own_first_run), tmp_path / "run", quiet)


def test_a_detector_begins_with_a_file_of_resnet18(train_config, tmp_path):
    backbone = ResNetBackbone([64], [7], [64, 128, 256, 512], [2, 2, 2, 2], [1, 2, 2, 2], "basic_block")
    backbone.save_weights(path := tmp_path / "resnet18.weights.h5")
    options = DetectorOptions(size=64, width=64, output="none", pooling="gap")
    model = beginnings.new_model(dataclasses.replace(train_config, detector=options, init=str(path)))
    with pytest.raises(DataError, match=r"--init .*ResNet-18 has width=64 and blocks=2; the detector has"):
        beginnings.new_model(dataclasses.replace(train_config, init=str(path)))
    assert np.array_equal(
        model.get_layer("tfe_stage4b_2_conv").kernel, backbone.get_layer("stack3_block1_2_conv").kernel
    )


def test_a_baseline_begins_with_a_file_of_its_network(small_config, tmp_path):
    config = dataclasses.replace(small_config, method="xception", input_size=80)
    trained = beginnings.new_model(dataclasses.replace(config, seed=1)).get_layer("xception")
    trained.save_weights(path := tmp_path / "xception.weights.h5")
    model = beginnings.new_model(dataclasses.replace(config, init=str(path))).get_layer("xception")
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(model.weights, trained.weights, strict=True))


def test_the_colours_of_efficientnet_are_normalised_as_in_its_training():
    made = [keras.layers.Normalization(axis=-1, name=str(number)) for number in range(2)]
    image = np.random.default_rng(0).uniform(size=(1, 4, 4, 3)).astype("float32")
    for layer, spread in zip(made, (SPREAD, (0.2, 0.3, 0.4)), strict=True):
        before = layer(image)
        layer.set_weights([np.array(MEAN), np.array(spread), np.array(0)])
        assert np.array_equal(layer(image), before)  # Keras does not let them take effect
        beginnings._normalize_as_trained(layer)
    theirs = (image - MEAN) / SPREAD
    assert np.allclose(made[0](image), theirs, atol=1e-5)
    assert np.allclose(made[1](image), (image - MEAN) / np.sqrt((0.2, 0.3, 0.4)), atol=1e-5)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("nowhere.h5", "--init: nowhere.h5 does not exist; give `imagenet`, or a file"),
        (__file__, r"--init .*test_beginnings.py: "),
    ],
)
def test_what_cannot_be_begun_with_is_named(train_config, small_config, init, message):
    options = DetectorOptions(size=64, width=64, output="none", pooling="gap")
    with pytest.raises(DataError, match=message):
        beginnings.new_model(dataclasses.replace(train_config, detector=options, init=init))
    if init == __file__:
        with pytest.raises(DataError, match="Meso4 has no network that was trained on other pictures"):
            beginnings.new_model(dataclasses.replace(small_config, init=init))


def test_two_beginnings_are_refused(train_config):
    with pytest.raises(DataError, match="Give --init or --weights"):
        dataclasses.replace(train_config, init="imagenet", weights="photos-1-tiny")
