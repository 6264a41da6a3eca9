"""Fixtures: a small untrained detector whose probabilities differ from face to face, and all its exports."""

import contextlib
import resource

import keras
import numpy as np
import pytest

from records.building import mtcnn_networks
from records.forge.people import Pose, draw, make_person
from savedmodel_export import export_edge, export_saved_model, export_tflite
from tests.shared import made_once
from tfafsr import Detector
from tfafsr.calibration import Platt

SIZE = 64
PLATT = Platt(0.6, 0.25)


@pytest.fixture(scope="session")
def detector():
    """A Detector whose statistics and offsets are perturbed and which is calibrated: nothing may be ignored."""
    keras.utils.set_random_seed(0)
    model = Detector(size=SIZE, width=4, blocks=1, output="residual", error_image="ela+residual")
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name == "moving_variance":
            variable.assign(rng.uniform(0.5, 2.0, variable.shape))
        elif variable.name in ("moving_mean", "beta", "bias"):
            variable.assign(rng.normal(0.0, 0.2, variable.shape))
    # Logits around 0 that differ from face to face, else all probabilities would be alike.
    logits = model.deployed().predict(dict(zip(("frame", "keypoints"), _faces(), strict=True)), verbose=0)["logit"]
    kernel, bias = model.get_layer("logit").get_weights()
    model.get_layer("logit").set_weights([2 * kernel / logits.std(), 2 * (bias - logits.mean()) / logits.std()])
    model.calibration = PLATT
    return model


@pytest.fixture(scope="session")
def simplest():
    """The detector that is exported fastest: no AFSR and no heat maps, weights as they are drawn."""
    return Detector(size=SIZE, width=4, blocks=1, output="none", pooling="gap")


@pytest.fixture(scope="session")
def model_file(detector, tmp_path_factory):
    """That detector as a `.keras` file."""

    def make(folder):
        folder.mkdir()
        detector.save(folder / "model.keras")

    return made_once(tmp_path_factory, "run", make) / "model.keras"


@pytest.fixture(scope="session")
def faces():
    """12 smooth faces, uint8 (12, S, S, 3), and key points near a face's, float32 (12, 5, 2)."""
    return _faces()


@pytest.fixture(scope="session")
def representative(faces):
    """What int8 measures its activations on."""
    return [{"frame": faces[0], "keypoints": faces[1]}]


@pytest.fixture(scope="session")
def expected(detector, faces):
    """What the Keras model answers on `faces`."""
    return detector.deployed().predict({"frame": faces[0], "keypoints": faces[1]}, verbose=0)


@pytest.fixture(scope="session")
def exported(detector, tmp_path_factory):
    """The first version of the SavedModel called tfafsr."""
    return made_once(tmp_path_factory, "tfafsr", lambda folder: export_saved_model(detector, folder)) / "1"


@pytest.fixture(scope="session")
def tflite_file(detector, representative, tmp_path_factory):
    """The function (form) -> that form's .tflite file."""

    def file(form):
        faces = representative if form == "int8" else None
        folder = made_once(
            tmp_path_factory,
            f"tflite-{form}",
            lambda folder: export_tflite(detector, folder / "detector.tflite", form, faces),
        )
        return folder / "detector.tflite"

    return file


@pytest.fixture(scope="session")
def bundle(detector, tmp_path_factory):
    """The folder that `tfafsr export --format edge` writes."""
    return made_once(tmp_path_factory, "bundle", lambda folder: export_edge(detector, folder, mtcnn_networks()))


@pytest.fixture(scope="session")
def portrait():
    """A function (number, side) -> a drawn person, uint8 (side, side, 3) RGB."""

    def drawn(number, side=320):
        image, _ = draw(make_person(0, f"{number:03d}"), Pose(), side, side)
        return np.clip(image, 0, 255).astype(np.uint8)

    return drawn


@pytest.fixture
def full_disk():
    """A context in which no file can grow beyond 10 000 bytes, as on a disk that is nearly full."""

    @contextlib.contextmanager
    def limited():
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


def _faces():
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (12, 8, 8, 3))
    smooth = np.stack([keras.ops.convert_to_numpy(keras.ops.image.resize(image, (SIZE, SIZE))) for image in coarse])
    noisy = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    usual = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.72], [0.62, 0.72]])
    return noisy, np.clip(usual + rng.normal(0, 0.03, (12, 5, 2)), 0, 1).astype(np.float32)
