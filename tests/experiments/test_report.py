"""The curves of a training."""

import cv2
import pytest

from experiments.report import draw_losses

NAMES = ("loss", "cross_entropy", "triplet_loss", "reconstruction_loss", "artifact_loss", "auc")
GAINS = ("restoration_gain_db", "restoration_gain_inside_db")


@pytest.mark.parametrize("further", [(), ("mask_loss",)])
def test_every_curve_of_the_history_is_drawn(tmp_path, further):
    logs = {f"{part}{name}": 0.5 for name in (*NAMES, *further) for part in ("", "val_")}
    history = [{**logs, **{f"val_{name}": 0.1 for name in GAINS}}] * 3
    draw_losses(history, tmp_path / "losses.png")
    picture = cv2.imread(str(tmp_path / "losses.png"))
    assert picture.std() > 10
    # The last of eight curves ends the second row of four; a ninth begins a third row.
    assert picture.shape[0] / picture.shape[1] == pytest.approx((9 if further else 6) / 13.5, abs=0.02)
