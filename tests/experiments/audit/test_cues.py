"""Cues are measured where the face is, and judged with an interval over people."""

import cv2
import numpy as np
import pytest

from experiments.audit.cues import FEWEST_COMPONENTS, Region, frame_cues, grid_strength, judge


def texture(seed, side=128):
    noise = np.random.default_rng(seed).normal(128, 40, (side, side)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 0.7), 0, 255)


def region(side=128):
    face = np.zeros((side, side), bool)
    face[40:88, 44:84] = True
    return Region(face, cv2.dilate(face.astype(np.uint8), np.ones((17, 17), np.uint8)).astype(bool), (40, 44, 88, 84))


def rgb(gray):
    return np.repeat(np.rint(gray).astype(np.uint8)[..., None], 3, axis=2)


def test_sharpness_is_measured_where_the_face_is():
    gray = texture(0)
    blurred_face, blurred_rest = gray.copy(), cv2.GaussianBlur(gray, (0, 0), 2)
    blurred_face[40:88, 44:84] = blurred_rest[40:88, 44:84]
    blurred_rest[40:88, 44:84] = gray[40:88, 44:84]
    even, face, rest = (frame_cues(rgb(image), region()) for image in (gray, blurred_face, blurred_rest))
    assert abs(even["sharpness_ratio"]) < 0.2
    assert face["sharpness_ratio"] < -1 < 1 < rest["sharpness_ratio"]
    assert face["face_sharpness"] < even["face_sharpness"] - 1
    assert rest["face_sharpness"] == pytest.approx(even["face_sharpness"], abs=0.3)


@pytest.mark.parametrize("shift", [0, 3])
def test_a_jpeg_grid_is_found_at_any_phase(shift):
    gray = texture(1, 144)
    _, data = cv2.imencode(".jpg", gray.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])
    jpeg = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32)[shift:, shift:]
    assert grid_strength(jpeg) > 1.15 * grid_strength(gray)


def test_a_face_too_small_for_a_grid_is_refused():
    with pytest.raises(ValueError, match="12x12"):
        grid_strength(np.zeros((12, 12), np.float32))


def test_an_auc_below_one_half_stays_there_and_betrays():
    people = np.repeat(np.arange(20), 2)
    labels = np.tile([0, 1], 20)
    judged = judge(labels, -labels + np.random.default_rng(0).normal(0, 0.3, 40), people)
    assert judged["auc"] < 0.1
    assert judged["auc_ci95"][1] < 0.5
    assert (judged["verdict"], judged["reals"], judged["fakes"]) == ("betrays", 20, 20)


@pytest.mark.parametrize(("limit", "verdict"), [(None, "betrays"), (0.65, "clean"), (0.55, "betrays")])
def test_with_a_limit_the_auc_decides_and_else_the_interval(limit, verdict):
    """Of 400 fakes 60% score 1, of 400 real clips 40%: AUC = 0.6 * 0.6 + (0.6 * 0.4 + 0.4 * 0.6) / 2 = 0.6."""
    labels = np.repeat([0, 1], 400)
    scores = np.concatenate([np.arange(400) % 5 < 2, np.arange(400) % 5 < 3]).astype(float)
    judged = judge(labels, scores, np.tile(np.arange(400), 2), limit=limit)
    assert (judged["auc"], judged["verdict"]) == (pytest.approx(0.6), verdict)
    assert judged["auc_ci95"][0] > 0.5


def test_few_identities_and_one_class_give_no_verdict():
    labels = np.tile([0, 1], FEWEST_COMPONENTS - 1)
    assert judge(labels, labels, np.arange(len(labels)) // 2)["verdict"] == "too few"
    assert judge([0, 1], [0.1, 0.2], ["a", "a"])["verdict"] == "too few"
    assert judge(np.ones(20, int), np.arange(20), np.arange(20)) == {
        "auc": None,
        "auc_ci95": None,
        "reals": 0,
        "fakes": 20,
        "components": 20,
        "verdict": "too few",
    }
