"""Which runs a table needs, what is tested where, and what is the same run in two tables."""

import dataclasses

import pytest

from experiments.comparison import ablation, plans, table
from experiments.config import DetectorOptions, TrainConfig
from experiments.table_config import (
    DECIDED,
    ROWS,
    SMOKE_INPUT,
    SMOKE_ROWS,
    AblationConfig,
    TableConfig,
)
from records.errors import DataError
from tests.shared import made_once
from tfafsr import Detector
from tfafsr.presets import preset


@pytest.fixture(scope="module")
def records(made_records, write_records, tmp_path_factory):
    """Records at c40, and others at c23."""
    other = made_once(tmp_path_factory, "made23", lambda folder: write_records(folder, 64, "other", "c23"))
    return str(made_records), str(other)


def train_config(records, **changes):
    return dataclasses.replace(TrainConfig(records, preset="tiny", steps=5, **DECIDED), **changes)


def test_table_1_trains_and_tests_at_each_quality_and_at_all_together(records):
    config = TableConfig(train_config(records, seed=3), ("tfafsr-gap", "meso4", "tfafsr"), seeds=2, side=96)
    plan = table("1", config)
    assert plan.columns == ("c23", "c40", "total")
    assert plan.rows == ("meso4", "tfafsr-gap", "tfafsr")
    assert len(plan.jobs) == 3 * 3 * 2
    cell = plan.cells["meso4", "total"]
    assert cell.runs == ("meso4-c23+c40-seed3", "meso4-c23+c40-seed4")
    assert cell.published is None  # the paper's is of raw, too
    assert plan.references == ("tfafsr",)
    assert list(plan.jobs)[:2] == ["tfafsr-gap-c23-seed3", "tfafsr-gap-c40-seed3"]  # our own, first seed
    assert [place.compression for place in cell.places] == ["c40", "c23"]
    baseline, gap = plan.jobs["meso4-c23+c40-seed4"].config, plan.jobs["tfafsr-gap-c40-seed3"].config
    assert (baseline.method, baseline.input_size, baseline.seed, baseline.steps) == ("meso4", 96, 4, 5)
    assert gap.records == records[:1]  # where there are such faces
    assert baseline.records == records
    assert (gap.method, gap.input_size, gap.detector.pooling, gap.compressions) == ("tfafsr", None, "gap", ("c40",))


def test_a_row_of_the_paper_has_its_figures_in_every_table(records):
    config = TableConfig(train_config(records), seeds=1)
    without_bursts = tuple(row for row in ROWS if row != "rnn_cnn")
    assert table("1", config).rows == without_bursts
    assert table("1", config).notes == ("rnn_cnn is left out: it needs records of `tfafsr build --burst 5`.",)
    with pytest.raises(DataError, match="--methods: rnn_cnn reads 5 neighbouring frames; build the records with"):
        table("2", dataclasses.replace(config, methods=("rnn_cnn", "tfafsr")))
    second = table("2", config)
    assert second.columns == ("Deepfakes", "FaceSwap")
    assert (second.cells["xception", "FaceSwap"].published, second.cells["bayar", "FaceSwap"].published) == (93.0, None)
    third = table("3", config)
    assert third.rows == ("trained at c23", "trained at c40")
    assert third.cells["trained at c23", "c40"].published == 70.32
    assert {*second.jobs} <= {*table("1", config).jobs} >= {*third.jobs}


def test_resolution_shrinks_the_faces_below_the_models_size(records):
    plan = table("resolution", TableConfig(train_config(records), ("meso4", "tfafsr"), seeds=1))
    size = preset("tiny")["size"]
    sides = [side for side in plans.SIDES if side < size]
    assert plan.columns == (*(f"{side} pixels" for side in sides), "full")
    assert plan.rows == ("c23, meso4", "c23, tfafsr", "c40, meso4", "c40, tfafsr")
    assert [job.sides for job in plan.jobs.values()] == [tuple(sides)] * 2
    assert [len(job.places) for job in plan.jobs.values()] == [2, 2]
    assert plan.cells["c23, meso4", "16 pixels"].among == plan.cells["c23, tfafsr", "16 pixels"].among
    assert plan.cells["c23, meso4", "full"].side is None
    assert plan.references == ("c23, tfafsr", "c40, tfafsr")


def test_each_variant_of_the_ablation_lacks_one_part(records):
    small = DetectorOptions(size=64, width=4, blocks=1, mask_weight=1)
    plan = ablation(AblationConfig(train_config(records, detector=small), seeds=1))
    assert plan.columns == ("c40",)
    assert plan.references == plan.rows[:1] == ("full model",)
    assert "no mask head" in plan.rows
    assert "residual not as input" in plan.rows
    assert "residual as input" not in plan.rows  # `tiny` has it
    assert plan.cells["average pooling", "c40"].runs == ("tfafsr-gap-c40-seed0",)
    full = plan.jobs["tfafsr-c40-seed0"].config
    for name, cell in plan.cells.items():
        (changed,) = [plan.jobs[run].config for run in cell.runs]
        assert len(changed.differences(full)) == (0 if name[0] == "full model" else len(plans.VARIANTS[name[0]]))


@pytest.mark.parametrize("name", plans.VARIANTS)
def test_each_variant_is_a_detector(name):
    options = preset("tiny", **{"size": 64, "width": 4, "blocks": 1, "mask_weight": 1.0, **plans.VARIANTS[name]})
    model = Detector(**options)
    assert {key: model.options[key] for key in plans.VARIANTS[name]} == plans.VARIANTS[name]


def test_the_defaults_are_the_detectors(records):
    options = Detector(size=64, width=4, blocks=1).options
    assert {name: options[name] for name in plans.DEFAULTS} == plans.DEFAULTS


def test_smoke_is_one_step_of_the_smallest_networks(records):
    for plan in (
        table("1", TableConfig(train_config(records), ("meso4", "tfafsr"), smoke=True)),
        ablation(AblationConfig(train_config(records), smoke=True)),
    ):
        for job in plan.jobs.values():
            assert (job.config.epochs, job.config.steps, job.config.detector.size) == (1, 1, 64)
            assert job.config.input_size == (SMOKE_INPUT if job.config.method == "meso4" else None)
        assert {job.config.seed for job in plan.jobs.values()} == {0}
    assert table("1", TableConfig(train_config(records), smoke=True)).rows == SMOKE_ROWS


def test_what_the_records_lack_is_named(records):
    config = TableConfig(train_config(records[1:]))
    with pytest.raises(DataError, match=r"hold no c40 faces of the split 'test'; `tfafsr inspect` lists"):
        table("2", config)
    with pytest.raises(DataError, match="hold no raw faces"):
        ablation(AblationConfig(train_config(records), compression="raw"))
    assert ablation(AblationConfig(train_config(records[1:]))).columns == ("c23",)
    with pytest.raises(DataError, match="seeds must be at least 1"):
        TableConfig(train_config(records), seeds=0)
