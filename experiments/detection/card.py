"""What was measured of a model: its errors by quality and size, its scores of real faces, the compressions tried."""

from __future__ import annotations

import dataclasses
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from records.errors import DataError


@dataclasses.dataclass(frozen=True)
class Row:
    """Figures of frames of people who are not in the training data, at one quality and size.

    Attributes:
        compression: raw, c23 or c40.
        side: side in pixels to which the faces were shrunk; None for faces as they are.
        auc: the area under the ROC curve.
        auc_ci95: its 95% interval.
        false_alarms: share of real faces with a probability above 0.5.
        misses: share of manipulated faces with a probability of at most 0.5.
    """

    compression: str
    side: int | None
    auc: float
    auc_ci95: tuple[float, float]
    false_alarms: float
    misses: float


@dataclasses.dataclass(frozen=True)
class Card:
    """The figures that travel with weights.

    Attributes:
        trained_on: sentences.
        rows: the errors.
        real: compression -> the mean log10 likelihood ratio of each real clip of the test, in increasing order.
        quantizer: compression -> the lowest and the highest quantizer (QP) of the clips of the test.
    """

    trained_on: str
    rows: tuple[Row, ...]
    real: Mapping[str, Sequence[float]]
    quantizer: Mapping[str, tuple[float, float]]

    def like(self, quantizer: float | None) -> str | None:
        """The compression of the test whose quantizers are nearest to this one; None if either is not known."""
        if quantizer is None:
            return None
        return min(self.quantizer, key=lambda name: max(0.0, *self._beyond(name, quantizer)), default=None)

    def coarsest(self) -> float:
        """The highest quantizer of the test; infinity if none was measured."""
        return max((high for _, high in self.quantizer.values()), default=math.inf)

    def row(self, compression: str | None, side: int) -> Row | None:
        """The figures nearest to a quality and a size of face, in pixels.

        Args:
            compression: one of the test, or None if the clip's is not known: then that with the lowest AUC.
            side: side of the face's crop in pixels of the file.
        """
        rows = [row for row in self.rows if compression in (None, row.compression)]
        if not rows:
            return None
        whole = max((row.side or 0 for row in rows), default=0) * 2  # of faces as they are: more than those shrunk to

        def distance(row: Row) -> float:
            return abs(math.log(min(side, whole or side) / (row.side or whole or side)))

        nearest = min(map(distance, rows))
        return min((row for row in rows if distance(row) == nearest), key=lambda row: row.auc)

    def threshold(self, max_false_alarms: float, compression: str | None) -> float | None:
        """The log10 likelihood ratio above which at most this share of real clips lies.

        Of n real clips and a further one that is like them, the further one is above the k-th smallest with a
        probability of at most 1 - k / (n + 1) (split conformal prediction; Vovk, Gammerman, Shafer: Algorithmic
        Learning in a Random World, 2005).

        Args:
            max_false_alarms: in (0, 1).
            compression: one of the test; None if the clip's is not known: then the highest of all thresholds.

        Returns:
            The threshold; None if the test has too few real clips for so small a share.
        """
        found = []
        for name, ratios in self.real.items():
            if compression in (None, name):
                rank = math.ceil((len(ratios) + 1) * (1 - max_false_alarms))
                if rank > len(ratios):
                    return None
                found.append(ratios[rank - 1])
        return max(found, default=None)

    def _beyond(self, name: str, quantizer: float) -> tuple[float, float]:
        low, high = self.quantizer[name]
        return low - quantizer, quantizer - high


def read_card(path: Path) -> Card | None:
    """The figures in a file of weights; None if it holds none. Reads the file's description alone.

    Raises:
        DataError: the file is no file of weights, or its figures are damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            figures = json.loads(archive["meta"].tobytes()).get("figures")
        return card_of(figures) if figures else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} holds no figures that can be read ({error}). Install tfafsr again.") from error


def card_of(figures: Mapping) -> Card:
    """The card in `experiments.model_card.figures`."""
    return Card(
        str(figures["trained_on"]),
        tuple(Row(**{**row, "auc_ci95": tuple(row["auc_ci95"])}) for row in figures["rows"]),
        {name: sorted(map(float, ratios)) for name, ratios in figures["real"].items()},
        {name: (float(low), float(high)) for name, (low, high) in figures["quantizer"].items()},
    )
