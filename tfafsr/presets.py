"""Named sizes of the detector."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Preset:
    """The arguments of a `Detector` that belong to one name.

    Attributes:
        size: side of the faces in pixels.
        width: filters of ResNet-18's first stage.
        output: AFSR's output, see `tfafsr.afsr.afsr`.
        error_image: what TFE's second stream reads, see `Detector`.
    """

    size: int
    width: int
    output: str
    error_image: str


PRESETS = {
    "paper": Preset(size=225, width=64, output="plain", error_image="ela"),
    "small": Preset(size=128, width=32, output="residual", error_image="ela+residual"),
    "tiny": Preset(size=64, width=16, output="residual", error_image="ela+residual"),
}


def preset(name: str, **overrides: object) -> dict[str, object]:
    """The arguments of `Detector` that `name` stands for, with `overrides` in the place of the preset's.

    With `output="none"` the error image is `ela`, unless another one is given: there is nothing that AFSR changed.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}; received {name!r}.")
    without_afsr = {"error_image": "ela"} if overrides.get("output") == "none" else {}
    return {**dataclasses.asdict(PRESETS[name]), **without_afsr, **overrides}
