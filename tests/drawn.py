"""A drawn face, and a tiny FaceForensics++ made of such faces."""

import json

import cv2
import numpy as np

from records.footage import write_video

SIDE, FRAMES = 160, 8
CRF = {"raw": 0, "c23": 23, "c40": 40}
PAIRS = {"train": [["000", "001"]], "val": [["002", "003"]], "test": [["004", "005"]]}


def draw_face(image, x, y, height, seed=0):
    """Draws a face into an RGB image: its middle at (x, y), `height` pixels from the brow to the chin and some more."""
    rng = np.random.default_rng(seed)
    skin = np.array([222, 178, 148]) + rng.integers(-8, 9, 3)

    def ellipse(dx, dy, rx, ry, colour, start=0, end=360, thickness=-1):
        centre = (round(x + dx * height), round(y + dy * height))
        axes = (max(1, round(rx * height)), max(1, round(ry * height)))
        cv2.ellipse(image, centre, axes, 0, start, end, [int(value) for value in colour], thickness, cv2.LINE_AA)

    ellipse(0, -0.12, 0.46, 0.58, (60, 40, 30))  # hair
    for step in range(8):  # shading, darker towards the edge
        shrink = 1 - 0.06 * step
        ellipse(0, 0.02, 0.39 * shrink, 0.54 * shrink, skin * (0.80 + 0.028 * step))
    for side in (-1, 1):
        ellipse(0.18 * side, -0.18, 0.11, 0.03, (60, 40, 30))  # brow
        ellipse(0.18 * side, -0.08, 0.09, 0.045, (240, 240, 240))
        ellipse(0.18 * side, -0.08, 0.045, 0.045, (40, 28, 22))
    ellipse(0, 0.08, 0.035, 0.13, skin * 0.93)  # nose
    ellipse(0, 0.17, 0.075, 0.035, skin * 0.70)
    ellipse(0, 0.31, 0.15, 0.045, (165, 70, 70))  # mouth
    ellipse(0, 0.31, 0.13, 0.008, (90, 30, 30))


def backdrop(height=SIDE, width=SIDE, seed=0):
    """A smooth background, RGB uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    columns = np.linspace(0, 1, width)[None, :, None]
    return np.broadcast_to((90 + 60 * columns + rng.uniform(0, 40, 3)), (height, width, 3)).astype(np.uint8).copy()


def grain(image, seed=0):
    """The image with some sensor noise."""
    noise = np.random.default_rng(seed).normal(0, 3, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def clip_frames(identity, frames=FRAMES, forged=False, away=0):
    """A clip of a person who moves a little, after `away` frames without anybody; a forged one has another mouth."""
    for t in range(frames):
        image = backdrop(seed=identity)
        x, y = SIDE // 2 + 2 * t - frames, SIDE // 2 + t % 3
        if t >= away:
            draw_face(image, x, y, 100, seed=identity)
        if forged and t >= away:
            cv2.ellipse(image, (x, y + 31), (20, 9), 0, 0, 360, (40, 20, 90), -1, cv2.LINE_AA)
        yield grain(image, seed=100 * identity + t)


def write_tree(root, methods=("Deepfakes",), compressions=("raw", "c40"), frames=FRAMES, layout="youtube/"):
    """FaceForensics++ with six people in three splits, of whom 003 comes late; returns its root."""
    (root / "splits").mkdir(parents=True)
    for split, pairs in PAIRS.items():
        (root / "splits" / f"{split}.json").write_text(json.dumps(pairs))
        for target, source in [order for a, b in pairs for order in ((a, b), (b, a))]:
            for level in compressions:
                names = {f"original_sequences/{layout}": target}
                names |= {f"manipulated_sequences/{method}/": f"{target}_{source}" for method in methods}
                for folder, name in names.items():
                    path = root / folder / level / "videos" / f"{name}.mp4"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    clip = clip_frames(int(target), frames, "manipulated" in folder, away=2 if target == "003" else 0)
                    write_video(path, clip, crf=CRF[level], preset="veryfast")
    return root
