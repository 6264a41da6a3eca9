"""The forms in which a detector is exported, by name."""

from __future__ import annotations

SAVED_MODEL = "savedmodel"
QUANTIZE = ("none", "float16", "dynamic", "int8")  # of a .tflite file, alone or in an edge bundle
FORMS = (SAVED_MODEL, *QUANTIZE)
