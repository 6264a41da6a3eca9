"""What every baseline must be and have."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest

from tfafsr import SCORES
from tfafsr.baseline import MOMENTUM
from tfafsr.baselines import NAMES, baseline

SIDE = 80  # at which all networks work


@pytest.fixture(scope="module", params=NAMES)
def model(request):
    keras.utils.set_random_seed(0)
    return baseline(request.param)(size=64, input_size=SIDE)


@pytest.fixture(scope="module")
def faces(model):
    """The inputs of two faces; where the method reads bursts, the faces stand still."""
    frame = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    if model.BURST > 1:
        frame = np.repeat(frame[:, None], model.BURST, axis=1)
    fields = {"frame": frame, "label": np.ones(2)}
    return {name: fields[name] for name in model.input}


@pytest.mark.parametrize("name", NAMES)
def test_has_a_test_of_its_own_a_card_and_a_row(name):
    here = Path(__file__)
    assert here.with_name(f"test_{name}.py").is_file()
    rate = f"{baseline(name).learning_rate:.0e}".replace("e-0", "e-")
    rows = (here.parents[3] / "docs" / "baselines.md").read_text().splitlines()
    (row,) = [line for line in rows if line.startswith(f"| {name} |")]
    assert row.endswith(f" | {baseline(name).AUTHORS_SIZE} | {rate} |")
    card = inspect.getdoc(baseline(name))
    assert "Source: " in card
    assert "Departure" in card
    assert baseline(name).learning_rate > 0


def test_gives_calibrated_scores(model, faces):
    outputs = model(faces)
    scores = {name: outputs[name].numpy() for name in SCORES}
    assert all(value.shape == (2, 1) and value.dtype == np.float32 for value in scores.values())
    odds = 10.0 ** scores["log10_likelihood_ratio"]
    assert np.allclose(scores["probability"], odds / (1 + odds), atol=1e-6)


def test_reads_one_frame_alone_when_deployed(model, faces):
    deployed = model.deployed()
    assert set(deployed.input) == {"frame"}
    frame = faces["frame"] if model.BURST == 1 else faces["frame"][:, 0]
    found = deployed({"frame": frame})["logit"]
    assert np.allclose(found, model(faces, training=False)["logit"], atol=1e-6 if model.BURST == 1 else 1e-4)


def test_is_made_again_from_its_options(model):
    again = type(model).from_config(model.get_config())
    assert [v.shape for v in again.variables] == [v.shape for v in model.variables]
    assert again.options == model.options == {"size": 64, "input_size": SIDE, "dtype": "float32"}


def test_batch_normalisation_follows_the_last_batches(model):
    nested = [inner for layer in model.layers if isinstance(layer, keras.Model) for inner in layer.layers]
    found = [one for one in (*model.layers, *nested) if isinstance(one, keras.layers.BatchNormalization)]
    assert found
    assert {one.momentum for one in found} == {MOMENTUM}


def test_keras_clones_one():
    model = baseline("meso4")(size=64)
    clone = keras.models.clone_model(model)
    assert type(clone) is type(model)
    assert clone.options == model.options


def test_unknown_methods_and_sizes_are_refused():
    with pytest.raises(ValueError, match=r"the method must be one of artifacts_nn, .*; received 'meso5'"):
        baseline("meso5")
    with pytest.raises(ValueError, match=r"input_size must be in \[32, 1024\] pixels; received 16"):
        baseline("meso4")(input_size=16)
