"""The paper's loss terms: pure functions, each with a thin Keras class."""

from tfafsr.losses.artifacts_focus import ArtifactLoss, ReconstructionLoss, artifact_loss, reconstruction_loss
from tfafsr.losses.triplet import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss

__all__ = [
    "ArtifactLoss",
    "ReconstructionLoss",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "artifact_loss",
    "reconstruction_loss",
    "triplet_hard_loss",
    "triplet_semihard_loss",
]
