"""`python -m experiments.attacks.photographs FOLDER SIZE`: prints the photographs with a face, as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from records.forge.people import find_faces

if __name__ == "__main__":
    found, _ = find_faces(Path(sys.argv[1]), int(sys.argv[2]), workers=1)
    print(json.dumps([photograph.file for photograph in found]))
