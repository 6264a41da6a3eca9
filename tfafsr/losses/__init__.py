"""The loss terms: pure functions; those of the paper have a thin Keras class each."""

from tfafsr.losses.artifacts_focus import (
    ArtifactLoss,
    ReconstructionLoss,
    artifact_loss,
    mean_of_known,
    reconstruction_loss,
)
from tfafsr.losses.mask import mask_loss
from tfafsr.losses.triplet import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss

__all__ = [
    "ArtifactLoss",
    "ReconstructionLoss",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "artifact_loss",
    "mask_loss",
    "mean_of_known",
    "reconstruction_loss",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
