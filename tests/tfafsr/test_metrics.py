"""AUC, AP, EER, video scores and the cluster bootstrap, with the derivation beside each number."""

import json
import time

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from tfafsr import metrics

# Reals score 1, 2, 4; fakes 3, 4, 5.
LABELS = np.array([0, 0, 0, 1, 1, 1])
SCORES = np.array([1.0, 2.0, 4.0, 3.0, 4.0, 5.0])


@pytest.fixture(scope="module")
def people():
    """Thirty people, each with ten real and ten fake frames whose scores move together."""
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(30), 20)
    labels = np.tile([0, 1], 300)
    scores = labels + 1.5 * labels * rng.normal(size=30)[groups] + 0.5 * rng.normal(size=600)
    return labels, scores, groups


def test_auc_hand_worked():
    # Of 9 pairs (fake, real): 3 beats 1 and 2; 4 beats 1 and 2 and ties with 4; 5 beats all: 2 + 2.5 + 3 = 7.5.
    assert metrics.auc(LABELS, SCORES) == pytest.approx(7.5 / 9)


def test_average_precision_hand_worked():
    # Threshold 5: P 1/1, R 1/3.  4: P 2/3, R 2/3.  3: P 3/4, R 1.  AP = (1 + 2/3 + 3/4) / 3 = 29/36.
    assert metrics.average_precision(LABELS, SCORES) == pytest.approx(29 / 36)


def test_equal_error_rate_hand_worked():
    # Misses and false alarms: threshold 5: 2/3, 0.  Threshold 4: 1/3, 1/3: equal.
    assert metrics.equal_error_rate(LABELS, SCORES) == pytest.approx(1 / 3)
    # Reals 1, 2; fakes 2, 3. Threshold 3: misses 1/2, alarms 0. Threshold 2: 0, 1/2. On the line between them 1/4 each.
    assert metrics.equal_error_rate([0, 0, 1, 1], [1, 2, 2, 3]) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("scores", "area", "error"), [([0, 0, 1, 1], 1, 0), ([1, 1, 0, 0], 0, 1), ([5, 5, 5, 5], 0.5, 0.5)]
)
def test_perfect_worst_and_uninformative(scores, area, error):
    assert metrics.auc([0, 0, 1, 1], scores) == area
    assert metrics.equal_error_rate([0, 0, 1, 1], scores) == error


@pytest.mark.parametrize(
    "measure", [metrics.auc, metrics.average_precision, metrics.equal_error_rate, metrics.auc_interval]
)
@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3], r"both 0 \(real\) and 1 \(manipulated\); received \[1\]"),
        ([0, 1, 2], [0.1, 0.2, 0.3], r"\[0, 1, 2\]"),
        ([0, 1, 1], [0.1, np.nan, np.inf], "2 of 3 scores are not finite"),
        ([0, 1], [0.1, 0.2, 0.3], r"\(2,\) and \(3,\)"),
    ],
)
def test_bad_input_is_refused(measure, labels, scores, message):
    with pytest.raises(ValueError, match=message):
        measure(labels, scores)


def test_videos_of_different_methods_are_never_merged():
    # The clip 000_003 exists for every method: dataset/method/compression/clip tells them apart.
    videos = [
        "ffpp/FaceSwap/c40/000_003",
        "ffpp/Deepfakes/c40/000_003",
        "ffpp/real/c40/000",
        "ffpp/FaceSwap/c40/000_003",
        "ffpp/FaceSwap/c23/000_003",
        "timit/FaceSwap/c40/000_003",
    ]
    ids, scores, labels = metrics.video_scores(videos, [0.2, 0.9, 0.1, 0.6, 0.7, 0.8], [1, 1, 0, 1, 1, 1])
    assert list(ids) == list(dict.fromkeys(videos))
    np.testing.assert_allclose(scores, [0.4, 0.9, 0.1, 0.7, 0.8])  # (0.2 + 0.6) / 2, the others have one frame
    assert list(labels) == [1, 1, 0, 1, 1]


@pytest.mark.parametrize(("aggregate", "expected"), [("mean", [0.4, 0.5]), ("median", [0.3, 0.5]), ("max", [0.8, 0.5])])
def test_aggregates(aggregate, expected):
    _, scores, _ = metrics.video_scores(["b", "a", "b", "b"], [0.1, 0.5, 0.3, 0.8], [1, 0, 1, 1], aggregate)
    np.testing.assert_allclose(scores, expected)


def test_video_scores_refuse_what_makes_no_sense():
    with pytest.raises(ValueError, match=r"'a' have different labels"):
        metrics.video_scores(["a", "b", "a"], [0.1, 0.2, 0.3], [0, 1, 1])
    with pytest.raises(ValueError, match="'sum'"):
        metrics.video_scores(["a"], [0.1], [0], "sum")
    with pytest.raises(ValueError, match="2 videos, 1 scores"):
        metrics.video_scores(["a", "b"], [0.1], [0])
    assert [len(part) for part in metrics.video_scores([], [], [])] == [0, 0, 0]


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_weighted_auc_is_sklearns(levels):
    rng = np.random.default_rng(levels)
    labels, scores = rng.integers(2, size=200), rng.integers(levels, size=200) / levels  # few levels: many ties
    weights = np.concatenate([np.ones((1, 200)), rng.integers(4, size=(20, 200))])
    expected = [roc_auc_score(labels, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(metrics.weighted_auc(labels, scores, weights), expected, rtol=1e-12)
    assert metrics.weighted_auc(labels, scores, weights[:1])[0] == pytest.approx(
        roc_auc_score(labels, scores), rel=1e-12
    )


def test_weighted_auc_hand_worked():
    # Weights 2 for the tied real and 3 for the last fake: pairs (1 + 1 + 2)(1 + 1 + 3) = 20;
    # won: 3 beats 1 and 2: 2; 4 beats two and halves the tie: 2 + 2/2 = 3; 5 beats all, three times: 12. Together 17.
    weights = np.array([[1, 1, 2, 1, 1, 3], [1, 1, 1, 0, 0, 0]])
    first, second = metrics.weighted_auc(LABELS, SCORES, weights)
    assert first == pytest.approx(17 / 20)
    assert np.isnan(second)  # no fake weighs anything


def test_interval_is_that_of_a_plain_bootstrap(people):
    labels, scores, groups = people
    rng = np.random.default_rng(0)
    areas = []
    for _ in range(400):
        drawn = np.concatenate([np.flatnonzero(groups == person) for person in rng.integers(30, size=30)])
        areas.append(roc_auc_score(labels[drawn], scores[drawn]))
    low, high = metrics.auc_interval(labels, scores, groups)
    # Both quantiles are themselves drawn: with 400 and 1000 replicates they differ by about 1/25 of the width.
    np.testing.assert_allclose([low, high], np.quantile(areas, [0.025, 0.975]), atol=(high - low) / 8)
    assert low < metrics.auc(labels, scores) < high


def test_clusters_widen_the_interval(people):
    labels, scores, groups = people
    together, apart = metrics.auc_interval(labels, scores, groups), metrics.auc_interval(labels, scores)
    assert together[1] - together[0] > 1.5 * (apart[1] - apart[0])


def test_interval_of_names_of_a_level_and_of_a_seed(people):
    labels, scores, groups = people
    wide = metrics.auc_interval(labels, scores, groups)
    assert wide == metrics.auc_interval(labels, scores, [f"person {person:02d}" for person in groups])
    assert wide != metrics.auc_interval(labels, scores, groups, seed=1)
    narrow = metrics.auc_interval(labels, scores, groups, level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_the_interval_covers_one_half_when_there_is_nothing_to_find():
    missed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(30), 5)
        scores = rng.normal(size=150) + rng.normal(size=30)[groups]
        low, high = metrics.auc_interval(np.tile([0, 1, 1, 1, 1], 30), scores, groups, replicates=300)
        missed += not low <= 0.5 <= high
    assert missed <= 24  # 10 expected of 200


def test_replicates_without_a_class_are_left_out():
    # Two people, one real and one fake: half of the replicates hold one class only; the others separate the classes.
    assert metrics.auc_interval([0, 1], [0.2, 0.7], ["a", "b"]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="at least two groups"):
        metrics.auc_interval([0, 1], [0.2, 0.7], ["a", "a"])
    with pytest.raises(ValueError, match="1 groups and 2 labels"):
        metrics.auc_interval([0, 1], [0.2, 0.7], ["a"])


def test_of_few_people_the_interval_is_bca(people):
    labels, scores, groups = people
    few = groups < 12
    sample = (labels[few], scores[few], groups[few])
    assert metrics.auc_interval(*sample) == metrics.auc_interval(*sample, bca=True)
    assert metrics.auc_interval(*sample) != metrics.auc_interval(*sample, bca=False)
    assert metrics.auc_interval(*people) == metrics.auc_interval(*people, bca=False)  # 30 are enough
    assert metrics.mean_interval(scores[few], groups[few]) != metrics.mean_interval(scores[few], groups[few], bca=False)


def test_classes_that_are_separated_perfectly_have_an_interval_without_width():
    labels = np.tile([0, 1], 10)
    for scores in (labels, 1 - labels):
        area = float(scores[1])
        assert metrics.auc_interval(labels, scores, np.arange(20) // 4) == (area, area)


def test_one_person_alone_with_both_classes_leaves_the_jackknife_a_hole():
    # Without the third group there is no fake: its jackknife value does not exist.
    low, high = metrics.auc_interval([0, 0, 0, 1, 1], [0.1, 0.7, 0.4, 0.6, 0.3], ["a", "b", "c", "c", "c"])
    assert 0 <= low <= high <= 1


def test_a_rate_and_its_interval():
    groups = np.repeat(np.arange(10), 4)
    hits = groups < 3
    found = metrics.rate(hits, groups)
    assert (found["rate"], found["n"]) == (0.3, 40)
    assert found["ci95"] == metrics.mean_interval(hits, groups)
    assert 0 < found["ci95"][0] < 0.3 < found["ci95"][1] < 1


def test_the_rate_of_none_and_of_all_has_the_exact_binomial_interval():
    for hits in (0, 40):
        found = metrics.rate(np.arange(40) < hits, np.repeat(np.arange(10), 4))
        wanted = binomtest(hits // 4, 10).proportion_ci(0.95, method="exact")
        assert found["ci95"] == pytest.approx([wanted.low, wanted.high])
    assert metrics.rate([], []) == {"rate": None, "ci95": None, "n": 0}
    assert metrics.rate([True, False], ["a", "a"]) == {"rate": 0.5, "ci95": None, "n": 2}
    assert metrics.rate([False, False], ["a", "a"]) == {"rate": 0.0, "ci95": None, "n": 2}


def test_six_thousand_frames_take_about_a_second():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(2, size=6000), rng.normal(size=6000)
    started = time.process_time()
    metrics.auc_interval(labels, scores, np.repeat(np.arange(60), 100))
    assert time.process_time() - started < 5  # 0.4 s on one idle core; resampling in a loop with sklearn takes 10 s


def test_summary(people):
    labels, scores, groups = people
    result = metrics.summary(labels, scores, groups)
    assert list(result) == ["auc", "auc_ci95", "ap", "eer", "n"]
    assert result["auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert result["auc_ci95"] == list(metrics.auc_interval(labels, scores, groups))
    assert result["n"] == 600
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_summary_says_none_and_never_nan():
    nothing = {"auc": None, "auc_ci95": None, "ap": None, "eer": None}
    assert metrics.summary([1, 1], [0.5, 0.6], ["a", "b"]) == {**nothing, "n": 2}
    assert metrics.summary([], []) == {**nothing, "n": 0}
    assert metrics.summary([0, 1], [0.1, 0.2], ["a", "a"])["auc_ci95"] is None
