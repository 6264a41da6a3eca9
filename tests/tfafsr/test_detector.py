"""The detector without training: its graph, its loss against NumPy, its gradients and its deployed form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from faces import error_level_analysis
from tfafsr import Detector
from tfafsr.calibration import Platt
from tfafsr.classifier import SCORES
from tfafsr.detector import ELA_QUALITY
from tfafsr.losses import mask_loss
from tfafsr.restoration import GAINS

TERMS = ("reconstruction_loss", "artifact_loss", "cross_entropy", "triplet_loss")


@pytest.fixture(scope="module")
def plain() -> Detector:
    """A small detector with the paper's output; no test may change it."""
    keras.utils.set_random_seed(1)
    return Detector(size=65, width=8, afsr_weight=2.0, reconstruction_weight=3.0, triplet_weight=0.5, margin=0.7)


@pytest.fixture(scope="module")
def in_graph() -> Detector:
    """A small residual detector that reads the error levels of its own reconstruction; no test may change it."""
    keras.utils.set_random_seed(2)
    return Detector(size=64, width=8, blocks=1, output="residual", ela_of="reconstruction", fusion="late")


def afsr_variables(model: Detector) -> list:
    """The values of AFSR's trainable variables."""
    return [
        variable.value
        for layer in model.layers
        if layer.name.startswith("afsr_")
        for variable in layer.trainable_variables
    ]


def triplet_reference(labels: np.ndarray, embeddings: np.ndarray, margin: float) -> float:
    """Semi-hard mining, pair by pair."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    distance = np.linalg.norm(unit[:, None] - unit[None], axis=2)
    losses = []
    for a in range(len(labels)):
        negatives = distance[a][labels != labels[a]]
        for p in range(len(labels)):
            if p != a and labels[p] == labels[a]:
                beyond = negatives[negatives > distance[a, p]]
                losses.append(max(distance[a, p] - (beyond.min() if len(beyond) else negatives.max()) + margin, 0))
    return float(np.mean(losses))


def test_inputs_and_outputs_are_the_contracts(plain, faces):
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in plain.input.items()} == {
        "frame": ((None, 65, 65, 3), "uint8"),
        "keypoints": ((None, 5, 2), "float32"),
        "ela": ((None, 65, 65, 3), "uint8"),
    }
    outputs = plain(faces(65, 3)[0])
    shapes = {
        **dict.fromkeys(("logit", "probability", "log10_likelihood_ratio"), (3, 1)),
        **{"reconstruction": (3, 65, 65, 3), "embedding": (3, 64)},
    }
    assert {name: tuple(value.shape) for name, value in outputs.items()} == shapes
    assert {value.dtype for value in outputs.values()} == {tf.float32}
    np.testing.assert_allclose(outputs["probability"], 1 / (1 + np.exp(-outputs["logit"].numpy())), rtol=1e-5)
    np.testing.assert_allclose(outputs["log10_likelihood_ratio"], outputs["logit"].numpy() / np.log(10), rtol=1e-5)


def test_loss_is_the_weighted_sum_of_the_papers_terms(plain, faces):
    x, y = faces(65, 6)
    y = {**y, "target_known": np.array([1, 1, 0, 1, 1, 1]), "mask_known": np.array([1, 1, 1, 0, 1, 1])}
    outputs = {name: value.numpy().astype(np.float64) for name, value in plain(x).items()}

    difference = y["target"] / 127.5 - 1 - outputs["reconstruction"]
    logit, label = outputs["logit"][:, 0], y["label"]
    expected = {
        "reconstruction_loss": np.mean(difference[[0, 1, 3, 4, 5]] ** 2),
        "artifact_loss": np.mean((difference * (y["mask"] == 255))[[0, 1, 4, 5]] ** 2),
        "cross_entropy": np.mean(np.log1p(np.exp(logit)) - label * logit),
        "triplet_loss": triplet_reference(label, outputs["embedding"], margin=0.7),
    }
    total = plain.compute_loss(x, y, plain(x))
    results = plain.get_metrics_result()
    for name in TERMS:
        assert float(results[name]) == pytest.approx(expected[name], rel=1e-4), name
    weighted = 2 * (3 * expected["reconstruction_loss"] + expected["artifact_loss"])
    weighted += expected["cross_entropy"] + 0.5 * expected["triplet_loss"]
    assert float(total) == pytest.approx(weighted, rel=1e-4)
    assert float(results["loss"]) == pytest.approx(weighted, rel=1e-4)
    plain.reset_metrics()


@pytest.mark.parametrize("terms", [("reconstruction_loss", "artifact_loss"), ("cross_entropy", "triplet_loss")])
def test_gradients_reach_afsr_from_both_losses(plain, faces, terms):
    x, y = faces(65)
    for name in terms:
        variables = afsr_variables(plain)
        with tf.GradientTape() as tape:
            term = plain.loss_terms(y, plain(x))[name]
        gradients = tape.gradient(term, variables)
        assert len(gradients) > 50
        assert all(gradient is not None for gradient in gradients)
        # A dead ReLU may silence a single convolution or two, not AFSR.
        assert np.mean([np.abs(gradient).max() > 0 for gradient in gradients]) > 0.95, name


def test_gradient_flows_through_the_error_stream_alone(faces):
    """I^r -> error image -> q with the image stream held constant."""
    model = Detector(size=64, width=8, blocks=1, ela_of="reconstruction")
    restored, error = model.output["reconstruction"], model.get_layer("error_scale").output
    afsr = keras.Model(model.input["frame"], restored)
    analysis = keras.Model(restored, error)
    tfe = keras.Model([restored, error, model.input["keypoints"]], model.output["embedding"])
    x, _ = faces(64)
    with tf.GradientTape() as tape:
        image = afsr(x["frame"])
        embedding = tfe([tf.stop_gradient(image), analysis(image), tf.constant(x["keypoints"])])
        score = tf.reduce_sum(tf.square(embedding))
    gradients = tape.gradient(score, afsr_variables(model))
    assert all(gradient is not None for gradient in gradients)
    assert float(tf.linalg.global_norm(gradients)) > 1e-3


def test_residual_starts_from_the_identity_and_its_error_image_from_the_records(in_graph, faces):
    x, _ = faces(64)
    frame = x["frame"]
    assert "ela" not in in_graph.input
    outputs = in_graph({"frame": frame, "keypoints": x["keypoints"]})
    np.testing.assert_allclose(outputs["reconstruction"], frame / np.float32(127.5) - 1, atol=1e-6)
    error = keras.Model(in_graph.input["frame"], in_graph.get_layer("error_scale").output)(frame)
    expected = np.stack([error_level_analysis(image) for image in frame]) / 127.5 - 1
    assert np.abs(error - expected).mean() < 0.05 * 20 / 127.5


def test_output_none_leaves_the_frame_alone(faces):
    x, y = faces(64)
    model = Detector(size=64, width=4, blocks=1, output="none")
    np.testing.assert_allclose(model(x)["reconstruction"], x["frame"] / np.float32(127.5) - 1, atol=1e-6)
    norms = model.gradient_norms(x, y)
    assert norms["reconstruction_loss"] == norms["artifact_loss"] == 0
    assert norms["cross_entropy"] > 0


def test_deployed_agrees_with_the_model_fed_from_the_records(plain, faces):
    x, _ = faces(65)
    expected, deployed = plain(x), plain.deployed()
    outputs = deployed({"frame": x["frame"], "keypoints": x["keypoints"]})
    assert set(deployed.input) == {"frame", "keypoints"}
    assert set(outputs) == {"probability", "log10_likelihood_ratio", "logit", "reconstruction"}
    for name, value in outputs.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-3)


def test_deployed_shares_weights_and_calibration(in_graph, faces):
    x, _ = faces(64)
    x = {"frame": x["frame"], "keypoints": x["keypoints"]}
    deployed = in_graph.deployed()
    in_graph.calibration = Platt(0.5, -0.25)
    outputs = deployed(x)
    in_graph.calibration = Platt()
    log_odds = 0.5 * outputs["logit"].numpy() - 0.25
    np.testing.assert_allclose(outputs["probability"], 1 / (1 + np.exp(-log_odds)), rtol=1e-5)
    np.testing.assert_allclose(outputs["log10_likelihood_ratio"], log_odds / np.log(10), rtol=1e-5)
    assert deployed.count_params() == in_graph.count_params()


def test_gradient_norms_name_every_term_and_leave_the_model_as_it_was(plain, faces):
    before = plain.get_weights()
    x, y = faces(65)
    norms = plain.gradient_norms(x, y)
    assert tuple(norms) == (*TERMS, "afsr_restoration", "afsr_detection", "afsr_cosine")
    assert -1 < norms.pop("afsr_cosine") < 1
    assert all(np.isfinite(norm) and norm > 0 for norm in norms.values())
    for old, new in zip(before, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert plain.get_metrics_result()["loss"] == 0


def test_norms_and_cosine_on_afsr_are_those_of_its_own_variables(plain, faces):
    x, y = faces(65)
    norms = plain.gradient_norms(x, y)
    weights = plain.weights_of_terms()
    sums = {}
    for task, names in (("restoration", TERMS[:2]), ("detection", TERMS[2:])):
        with tf.GradientTape() as tape:
            terms = plain.loss_terms(y, plain(x, training=True))
            loss = tf.add_n([weights[name] * terms[name] for name in names])
        sums[task] = np.concatenate([np.ravel(part) for part in tape.gradient(loss, afsr_variables(plain))])
        assert float(norms[f"afsr_{task}"]) == pytest.approx(np.linalg.norm(sums[task]), rel=1e-3)
    cosine = sums["restoration"] @ sums["detection"] / np.prod([np.linalg.norm(part) for part in sums.values()])
    assert float(norms["afsr_cosine"]) == pytest.approx(cosine, abs=1e-3)


def test_with_the_gradient_stopped_detection_does_not_train_afsr(faces):
    model = Detector(size=64, width=8, blocks=1, output="residual", afsr_gradient="stop", error_image="ela+residual")
    x, y = faces(64)
    norms = model.gradient_norms(x, y)
    assert norms["afsr_detection"] == norms["afsr_cosine"] == 0
    assert norms["afsr_restoration"] > 0
    assert norms["cross_entropy"] > 0


def test_the_error_image_holds_what_afsr_changed(faces):
    model = Detector(size=64, width=4, blocks=1, output="residual", error_image="ela+residual")
    output = model.get_layer("afsr_output")
    output.set_weights([np.random.default_rng(0).normal(0, 0.01, value.shape) for value in output.get_weights()])
    x, _ = faces(64)
    read = keras.Model(model.input, {"error": model.get_layer("error_image").output, **model.output})(x)
    changed = read["reconstruction"] - (x["frame"] / np.float32(127.5) - 1)
    assert np.abs(changed).max() > 0.01
    np.testing.assert_allclose(read["error"][..., :3], x["ela"] / np.float32(127.5) - 1, atol=1e-6)
    np.testing.assert_allclose(read["error"][..., 3:], 10 * changed, atol=1e-5)


def test_validation_measures_how_much_is_restored(in_graph, plain, faces):
    x, y = faces(64)
    results = in_graph.test_step(({name: x[name] for name in in_graph.input}, y))
    assert {name: float(results[name]) for name in GAINS} == pytest.approx(dict.fromkeys(GAINS, 0), abs=1e-5)
    in_graph.reset_metrics()
    assert not set(GAINS) & {metric.name for metric in Detector(size=64, width=4, blocks=1, output="none").metrics}
    x, y = faces(65)
    assert float(plain.test_step((x, y))["restoration_gain_db"]) < -3  # untrained, it is no face
    plain.reset_metrics()


def test_embedding_changes_when_the_key_points_move(plain, faces):
    x, _ = faces(65)
    moved = {**x, "keypoints": x["keypoints"] + np.float32(0.1)}
    assert np.abs(plain(x)["embedding"] - plain(moved)["embedding"]).max() > 1e-3


def test_mixed_bfloat16_keeps_float32_where_it_matters(faces):
    x, _ = faces(64)
    model = Detector(size=64, width=8, blocks=1, ela_of="reconstruction", dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    assert model.get_layer("tfe_stage4a_relu").compute_dtype == "bfloat16"
    names = ("ela_of_reconstruction", "afsr_output", "tfe_heatmaps", "tfe_fusion_pooling", "logit", "calibration")
    assert {model.get_layer(name).compute_dtype for name in names} == {"float32"}
    assert {str(variable.dtype) for variable in model.variables} == {"float32"}
    outputs = model({"frame": x["frame"], "keypoints": x["keypoints"]})
    assert {value.dtype for value in outputs.values()} == {tf.float32}
    assert model.get_config()["dtype"] == "mixed_bfloat16"


def test_configuration_round_trip():
    options = {
        "size": 66,
        "width": 4,
        "blocks": 1,
        "output": "residual",
        "pooling": "gmp",
        "fusion": "late",
        "ela_quality": 80,
    }
    options |= {"ela_of": "reconstruction", "mining": "hard", "margin": 0.2, "afsr_weight": 0.1}
    options |= {"triplet_weight": 0.3, "reconstruction_weight": 0.4, "dtype": "mixed_bfloat16", "name": "other"}
    model = Detector.from_config(Detector(**options).get_config())
    assert {name: model.get_config()[name] for name in options} == options
    assert model.get_layer("ela_of_reconstruction").quality == 80


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("size", 63),
        ("output", "half"),
        ("pooling", "max"),
        ("fusion", "middle"),
        ("ela_of", "target"),
        ("mining", "soft"),
        ("ela_quality", 0),
        ("margin", -1),
        ("afsr_weight", "much"),
        ("triplet_weight", float("nan")),
    ],
)
def test_refuses_bad_options_and_repeats_them(option, value):
    with pytest.raises(ValueError, match=f"{option.split('_')[-1]}.* received {value!r}"):
        Detector(**{"size": 64, "width": 4, "blocks": 1, "ela_of": "reconstruction", option: value})


def test_ela_of_the_records_has_the_records_quality(faces):
    image = faces(64, 1)[0]["frame"][0]
    np.testing.assert_array_equal(error_level_analysis(image), error_level_analysis(image, ELA_QUALITY))
    with pytest.raises(ValueError, match=r"ela_quality must be the records', 90, with ela_of='input'; received 80"):
        Detector(size=64, width=4, ela_quality=80)


@pytest.mark.parametrize("argument", ["loss", "metrics", "weighted_metrics", "loss_weights"])
def test_compile_refuses_what_it_would_ignore(plain, argument):
    with pytest.raises(ValueError, match=rf"compile takes no {argument}\."):
        plain.compile(optimizer="adam", **{argument: ["mse"]})


@pytest.mark.parametrize("missing", ["label", "mask_known"])
def test_supervision_that_is_missing_is_named(plain, faces, missing):
    x, y = faces(65, 2)
    y.pop(missing)
    with pytest.raises(ValueError, match=f"y must be a dict with label, .*; it lacks {missing}"):
        plain.test_step((x, y))
    with pytest.raises(ValueError, match="it lacks label, target,"):
        plain.test_step((x, np.arange(2)))


def test_a_clone_is_a_detector_with_the_same_options_and_weights_of_its_own(plain, faces):
    clone = keras.models.clone_model(plain)
    assert type(clone) is Detector
    assert clone.get_config() == plain.get_config()
    assert clone.get_layer("logit").kernel is not plain.get_layer("logit").kernel
    clone.set_weights(plain.get_weights())
    x, y = faces(65)
    np.testing.assert_array_equal(clone(x)["logit"], plain(x)["logit"])
    for name, term in clone.loss_terms(y, clone(x)).items():
        assert float(term) == float(plain.loss_terms(y, plain(x))[name])
    assert type(keras.models.clone_model(clone)) is Detector


def test_keras_draws_and_summarises_it(plain):
    drawn = keras.utils.model_to_dot(plain, show_shapes=True).to_string()
    lines = []
    plain.summary(print_fn=lines.append)
    for text in (drawn, "\n".join(lines)):
        assert "calibration" in text
        assert "afsr_output" in text


def test_the_mask_head_has_a_term_of_its_own_that_trains_tfe(faces):
    keras.utils.set_random_seed(3)
    model = Detector(size=64, width=8, blocks=1, output="residual", mask_weight=2.0)
    x, y = faces(64, 4)
    outputs = model(x)
    assert tuple(outputs["mask_logit"].shape) == (4, 8, 8, 1)
    expected = mask_loss((y["mask"] > 127).astype(np.float32), outputs["mask_logit"], 8, y["mask_known"])
    terms = model.loss_terms(y, outputs)
    assert float(terms["mask_loss"]) == pytest.approx(float(expected), rel=1e-5)
    without = sum(model.weights_of_terms()[name] * float(terms[name]) for name in TERMS)
    assert float(model.compute_loss(x, y, outputs)) == pytest.approx(without + 2 * float(expected), rel=1e-4)
    norms = model.gradient_norms(x, y)
    assert float(norms["mask_loss"]) > 0
    assert set(model.deployed().output) == {*SCORES, "reconstruction"}


def test_without_a_weight_there_is_no_mask_head(plain, faces):
    assert "mask_logit" not in plain(faces(65, 2)[0])
    assert "mask_loss" not in plain.weights_of_terms()
    assert "mask_loss" not in {metric.name for metric in plain.metrics}
