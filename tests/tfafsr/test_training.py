"""The whole training path: plain compile and fit, saving, resuming, determinism, mixed precision."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr import Detector
from tfafsr.calibration import Platt
from tfafsr.restoration import GAINS

METRICS = {"loss", "reconstruction_loss", "artifact_loss", "cross_entropy", "triplet_loss", "auc"}


REPEATED = 3  # epochs after which two trainings are compared


class Weights(keras.callbacks.Callback):
    """Keeps the weights of the epoch `REPEATED`."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == REPEATED - 1:
            self.kept = self.model.get_weights()


def train(faces: tuple[dict, dict], epochs: int, callbacks=(), **options) -> tuple[Detector, dict[str, list[float]]]:
    """A tiny detector of size 64 after `epochs` epochs of one batch each, and its history."""
    keras.utils.set_random_seed(3)
    model = Detector.from_preset("tiny", **{"size": 64, "blocks": 1, **options})
    model.compile(optimizer=keras.optimizers.Adam(3e-3))
    batches = tf.data.Dataset.from_tensor_slices(faces).batch(len(faces[1]["label"]))
    return model, model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks)).history


@pytest.fixture(scope="module")
def eight(faces):
    """Eight faces, four of them with a planted artifact."""
    return faces(64, 8)


@pytest.fixture(scope="module")
def early():
    """The weights of `trained` after `REPEATED` epochs, in `kept`."""
    return Weights()


@pytest.fixture(scope="module")
def trained(eight, early):
    """A detector that has seen eight faces often, and its history."""
    return train(eight, epochs=40, callbacks=[early])


@pytest.mark.slow
def test_overfits_eight_faces(trained, eight):
    model, history = trained
    assert set(history) == METRICS
    assert history["auc"][-1] == 1
    assert history["cross_entropy"][-1] < 0.1
    assert history["triplet_loss"][-1] < history["triplet_loss"][0] / 4
    assert history["loss"][-1] < history["loss"][0]
    # Without training, too: the moving statistics have followed.
    results = model.evaluate(*eight, verbose=0, return_dict=True)
    assert set(results) == METRICS | set(GAINS)
    assert results["auc"] == 1


@pytest.mark.slow
def test_saves_and_loads_without_custom_objects_and_trains_on(trained, eight, tmp_path):
    model, _ = trained
    model.calibration = Platt(1.5, -0.5)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded) is Detector
    assert loaded.get_config() == model.get_config()
    assert loaded.calibration == Platt(1.5, -0.5)
    x, y = eight
    expected, outputs = model(x), loaded(x)
    for name, value in outputs.items():
        np.testing.assert_array_equal(value, expected[name])
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == 40
    for ours, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    loaded.run_eagerly = True  # one step, for which a graph is not worth its making
    loaded.fit(x, y, batch_size=8, verbose=0)
    assert int(loaded.optimizer.iterations) == 41


@pytest.mark.slow
def test_same_seed_gives_the_same_weights_bit_by_bit(eight, trained, early):
    again, history = train(eight, epochs=REPEATED)
    assert history == {name: values[:REPEATED] for name, values in trained[1].items()}
    for ours, theirs in zip(again.get_weights(), early.kept, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"ela_of": "reconstruction", "fusion": "late", "mining": "hard"}], ids=str)
def test_a_step_adds_two_at_a_time(faces, options):
    """A sum of three would depend on which thread ends first."""
    x, y = faces(64, 8)
    model = Detector.from_preset("tiny", size=64, width=8, blocks=1, **options)
    model.compile(optimizer=keras.optimizers.SGD(1e-3))
    model.optimizer.build(model.trainable_variables)
    data = ({name: x[name] for name in model.input}, y)
    graph = tf.function(model.train_step).get_concrete_function(data).graph
    sums = [operation for operation in graph.get_operations() if operation.type == "AddN"]
    assert sums
    assert {len(operation.inputs) for operation in sums} == {2}


def test_within_fit_tensorflow_does_not_merge_sums_of_two(eight):
    x, y = eight
    model = Detector(size=64, width=4, blocks=1, output="none", pooling="gap")
    model.compile(optimizer=keras.optimizers.SGD(1e-3), run_eagerly=True)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(tf.config.optimizer.get_experimental_options().get("arithmetic_optimization"))

    before = tf.config.optimizer.get_experimental_options().get("arithmetic_optimization", True)
    model.fit(x, y, batch_size=8, verbose=0, callbacks=[Look()])
    assert seen == [False]
    assert tf.config.optimizer.get_experimental_options()["arithmetic_optimization"] == before


@pytest.mark.slow
def test_mixed_bfloat16_trains_and_stays_finite(eight):
    x, y = eight
    seen = {name: x[name] for name in ("frame", "keypoints")}
    model, history = train((seen, y), epochs=10, dtype="mixed_bfloat16", ela_of="reconstruction", mining="hard")
    assert all(np.isfinite(values).all() for values in history.values())
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert min(history["cross_entropy"]) < history["cross_entropy"][0]


def test_mixed_float16_scales_the_loss(eight):
    x, y = eight
    options = {"output": "none", "error_image": "none", "pooling": "gap"}
    model, history = train(({name: x[name] for name in ("frame", "keypoints")}, y), 3, dtype="mixed_float16", **options)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert all(np.isfinite(values).all() for values in history.values())
    assert history["cross_entropy"][-1] < history["cross_entropy"][0]


@pytest.mark.slow
def test_callbacks_know_without_a_mode_that_a_higher_auc_is_better(eight, tmp_path):
    """And a compiled detector is compiled again when it is loaded, with its AUC."""
    x, y = eight
    model = Detector(size=64, width=4, blocks=1, output="none", pooling="gap")
    model.compile(optimizer=keras.optimizers.Adam(1e-3), run_eagerly=True)
    stopping = keras.callbacks.EarlyStopping(monitor="val_auc")
    keeping = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_auc", save_best_only=True)
    history = model.fit(x, y, batch_size=8, verbose=0, validation_data=(x, y), callbacks=[stopping, keeping]).history
    assert keeping.best == stopping.best == history["val_auc"][0]
    assert stopping.monitor_op is keras.ops.greater
    loaded = keras.models.load_model(tmp_path / "best.keras")
    assert loaded.evaluate(x, y, batch_size=8, verbose=0, return_dict=True)["auc"] == history["val_auc"][0]
    assert int(loaded.optimizer.iterations) == 1


def test_refuses_sample_weights(eight):
    model = Detector(size=64, width=4, blocks=1, output="none", pooling="gap")
    x, y = eight
    with pytest.raises(ValueError, match="no sample_weight"):
        model.test_step((x, y, np.ones(8)))
