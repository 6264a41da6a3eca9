"""`python -m edge_runtime clip.mp4 --json`: whether the face in a video or image is manipulated.

The probability assumes even odds. The likelihood ratio assumes nothing: multiply your own odds by it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from faces import FaceDetector, longest_track

from . import media
from .detector import Detector
from .errors import EdgeError
from .network import load_face_detector

FOLDER = Path(__file__).resolve().parent.parent  # of the bundle
SHOWN = ("probability", "log10_likelihood_ratio")
NO_FACE, OTHER_FACE = "no face", "another face than the one seen in most frames"


def examine(path: Path, faces: FaceDetector, detector: Detector, frames: int) -> dict[str, object]:
    """Scores the person who is seen in most frames of a video, or the largest face of an image.

    Returns:
        {"path", "kind", "probability", "log10_likelihood_ratio" (both: mean of the frames', None without a face),
        "frames": [{"index", "probability", "log10_likelihood_ratio", "box" (y0, x0, y1, x1), "keypoints" ((5, 2), x,
        y), "confidence"}], "frames_without_face": [{"index", "reason"}]}; coordinates in pixels.

    Raises:
        EdgeError: the file cannot be used.
    """
    kind, frames = media.read(path, frames)
    indices, seen, inputs = [], [], []  # for each frame: its index, all its faces, their (crop, key points)
    for index, image in frames:
        indices.append(index)
        seen.append(faces.detect(image))
        inputs.append([detector.crop_face(image, face) for face in seen[-1]])
    found, missing = [], []
    for index, all_faces, crops, face in zip(indices, seen, inputs, longest_track(seen), strict=True):
        if face is None:
            missing.append({"index": index, "reason": OTHER_FACE if all_faces else NO_FACE})
            continue
        image, keypoints = next(crop for one, crop in zip(all_faces, crops, strict=True) if one is face)
        scores = detector.scores(image[None], keypoints[None])
        found.append(
            {
                "index": index,
                **{name: float(scores[name][0]) for name in SHOWN},
                "box": [round(float(value), 2) for value in face.box],
                "keypoints": np.round(face.keypoints.astype(float), 2).tolist(),
                "confidence": face.score,
            }
        )
    means = {name: float(np.mean([frame[name] for frame in found])) if found else None for name in SHOWN}
    return {
        "path": media.shown(path),
        "kind": kind,
        **means,
        "frames": found,
        "frames_without_face": missing,
    }


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 1 if a file could not be used, else 0."""
    parser = argparse.ArgumentParser(prog="python -m edge_runtime", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="images and videos")
    parser.add_argument("--json", action="store_true", help="print one JSON list with every frame")
    parser.add_argument("--frames", type=_positive, default=10, help="evenly spaced frames of a video (default: 10)")
    parser.add_argument("--threads", type=_positive, default=2, help="threads of the networks (default: 2)")
    parser.add_argument("--models", type=Path, default=FOLDER, help="folder of the .tflite files (default: the bundle)")
    options = parser.parse_args(arguments)
    try:
        faces = load_face_detector(options.models, options.threads)
        detector = Detector(options.models, options.threads)
    except EdgeError as error:
        print(_escaped(f"Error: {error}"), file=sys.stderr)
        return 1
    results = []
    for path in options.paths:
        try:
            results.append(examine(path, faces, detector, options.frames))
        except EdgeError as error:
            results.append({"path": media.shown(path), "error": str(error)})
            print(_escaped(f"Error: {error}"), file=sys.stderr)
        if not options.json and "error" not in results[-1]:
            print(_escaped(_line(results[-1])))
    if options.json:
        print(json.dumps(results, indent=2, allow_nan=False))
    return int(any("error" in result for result in results))


def _line(result: dict) -> str:
    found, missing = len(result["frames"]), len(result["frames_without_face"])
    if result["probability"] is None:
        return f"{result['path']}: no face found in {missing} frames; no score."
    return (
        f"{result['path']}: manipulated with a probability of {result['probability']:.3f} at even odds, "
        f"log10 likelihood ratio {result['log10_likelihood_ratio']:+.2f} "
        f"({found} frames with the face, {missing} without)"
    )


def _escaped(text: str) -> str:
    r"""A text as one line for a terminal: names of files may hold newlines and a terminal's commands (`\n`, `\x1b`)."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
