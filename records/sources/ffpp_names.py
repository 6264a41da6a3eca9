"""The names that FaceForensics++ gives to its compressions and methods."""

from __future__ import annotations

COMPRESSIONS = ("raw", "c23", "c28", "c34", "c40", "c46")  # the best quality first; published are raw, c23 and c40
TARGETS = ("raw", "c23")  # good enough to supervise AFSR
METHODS_OF_YOUTUBE = (  # with official splits
    *("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter"),
    "SelfBlended",  # not of FaceForensics++: `tfafsr forge` adds it
)
METHOD_OF_ACTORS = "DeepFakeDetection"  # made from the actors' videos; there is no official split
METHODS = (*METHODS_OF_YOUTUBE, METHOD_OF_ACTORS)
METHODS_WITHOUT_MASKS = ("FaceShifter",)
