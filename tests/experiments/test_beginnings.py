"""A run that begins with the weights of another one."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from experiments import beginnings, runs, training
from experiments.config import DetectorOptions
from records.errors import DataError


def after(train_config, run, **changes):
    return dataclasses.replace(train_config, weights=str(run), epochs=1, steps=1, **changes)


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


def test_methods_that_the_run_before_knew_are_no_new_ones(train_config, trained_run, tmp_path):
    config = after(train_config, trained_run, leave_out=("FaceSwap",))
    training.train(config, tmp_path / "run", say=lambda line: None)
    assert runs.untrained(tmp_path / "run", ["Deepfakes", "FaceSwap", "Unknown"]) == ["Unknown"]


def test_resuming_remembers_what_the_run_before_knew(train_config, trained_run, own_run, tmp_path):
    """Also where that run has gone."""
    people = json.loads((own_run / runs.PEOPLE_FILE).read_text())
    people["train"].append(["elsewhere", "somebody"])
    (own_run / runs.PEOPLE_FILE).write_text(json.dumps(people))
    config = after(train_config, own_run, leave_out=("FaceSwap",))
    training.train(config, tmp_path / "second", say=lambda line: None)
    shutil.rmtree(own_run)
    training.train(dataclasses.replace(config, epochs=2), tmp_path / "second", say=lambda line: None)
    assert ("elsewhere", "somebody") in runs.load_people(tmp_path / "second")["train"]
    assert runs.methods_of(tmp_path / "second") == runs.methods_of(trained_run)


def test_beginning_that_fails_leaves_the_folder_free(train_config, trained_run, tmp_path):
    wrong = after(train_config, trained_run, detector=DetectorOptions(size=64, width=8, blocks=1))
    with pytest.raises(DataError, match="has width=4"):
        training.train(wrong, tmp_path / "run", say=lambda line: None)
    training.train(after(train_config, trained_run), tmp_path / "run", say=lambda line: None)


def test_people_that_the_run_before_knew_are_no_strangers(train_config, own_run, tmp_path):
    path = own_run / runs.PEOPLE_FILE
    people = json.loads(path.read_text())
    path.write_text(json.dumps({**people, "train": [*people["train"], people["val"][0]]}))
    with pytest.raises(DataError, match="--weights: 1 people of the split val are in the split train with which"):
        training.train(after(train_config, own_run), tmp_path / "run", say=lambda line: None)
