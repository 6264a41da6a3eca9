"""The options that say on which devices and machines a training runs; they do not decide its result."""

from __future__ import annotations

import dataclasses
from typing import Literal

from experiments.config import check_ranges, option
from records.errors import DataError

NONE, MIRRORED, MULTIWORKER = "none", "mirrored", "multiworker"


@dataclasses.dataclass(frozen=True)
class MachinesConfig:
    """Where a training runs.

    Raises:
        DataError: `devices` without `mirrored`, or `jit` with a strategy.
    """

    strategy: Literal["none", "mirrored", "multiworker"] = option(
        NONE,
        "`mirrored` trains on all GPUs of this machine, `multiworker` on several machines, which TF_CONFIG or Slurm "
        "names; each batch is shared among them.",
    )
    devices: int | None = option(
        None,
        "With `mirrored`: the first N GPUs; without a GPU, N parts of the processor.  [default: all GPUs]",
        range=(1, 1024),
    )
    jit: bool = option(False, "Compile the steps with XLA: for GPUs.", flag="--jit/--no-jit")
    deterministic: bool = option(
        False, "The same bits in each run on a GPU, too, which is slower; a processor always gives them."
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.devices and self.strategy != MIRRORED:
            raise DataError(f"--devices needs --strategy {MIRRORED}; with {self.strategy} leave it out.")
        if self.jit and self.strategy != NONE:
            raise DataError(f"--jit does not go with --strategy {self.strategy}: XLA cannot sum over devices here.")


ONE_DEVICE = MachinesConfig()
