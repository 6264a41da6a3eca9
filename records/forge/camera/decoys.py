"""Decoys: harmless edits of whole frames or of the background by blur, resampling, colour or blending.

Manipulations use the same operations; decoys in real clips keep a model from taking the operation for a forgery.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from records.forge.geometry import face_coordinates
from records.forge.seeds import generator

KINDS = ("blur", "resample", "colour", "blend")
PLACES = ("frame", "away")


@dataclass(frozen=True)
class Decoy:
    """The decoy of one clip, which its real and its manipulated versions carry.

    Attributes:
        kind: one of KINDS.
        place: `frame` for the whole frame, `away` for patches that do not touch face, ears and neck.
        strength: in [0, 1].
        colour: float32 (3,), shift of colour in grey levels at full strength.
        patches: float32 (n, 4), the centre and radii of each patch of `away`, in face coordinates.
    """

    kind: str
    place: str
    strength: float
    colour: np.ndarray
    patches: np.ndarray

    @property
    def name(self) -> str:
        """The name in the data set's notes, for example `blur-frame`."""
        return f"{self.kind}-{self.place}"

    @classmethod
    def of(cls, seed: int, identity: str) -> Decoy:
        """The decoy of the clip of `identity`."""
        rng = generator(seed, "decoy", identity)
        kind = str(rng.choice(KINDS))
        place = "away" if kind == "blend" else str(rng.choice(PLACES))
        colour = rng.normal(0, 1, 3)
        patches = [
            (side * rng.uniform(1.9, 2.4), rng.uniform(-2.2, 1.6), rng.uniform(0.8, 1.3), rng.uniform(0.8, 1.8))
            for side in rng.permutation((-1, 1))[: rng.integers(1, 3)]
        ]
        return cls(
            kind,
            place,
            strength=rng.uniform(0.3, 1.0),
            colour=(14 * colour / np.linalg.norm(colour)).astype(np.float32),
            patches=np.array(patches, np.float32),
        )

    def apply(self, image: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Applies the decoy to a frame: returns float32 (H, W, 3) in [0, 255].

        Args:
            image: float32 (H, W, 3), real or manipulated.
            points: float32 (5, 2), the key points of the real frame.
        """
        edited = self._edit(image)
        if self.place == "frame":
            return edited
        u, v = face_coordinates(points, *image.shape[:2])
        radii = [
            np.hypot((u - at_u) / radius_u, (v - at_v) / radius_v) for at_u, at_v, radius_u, radius_v in self.patches
        ]
        # Patches have soft edges, and are 0 within 1.25 eye distances of the face's vertical axis.
        alpha = np.clip(1.6 * (1 - np.min(radii, axis=0)), 0, 1) * np.clip((np.abs(u) - 1.25) / 0.3, 0, 1)
        return image + alpha[..., None] * (edited - image)

    def _edit(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        if self.kind == "blur":
            return cv2.GaussianBlur(image, (0, 0), 0.4 + 0.7 * self.strength)
        if self.kind == "resample":
            factor = 1 - 0.5 * self.strength
            small = cv2.resize(image, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
            return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        if self.kind == "colour":
            return np.clip(image + self.strength * self.colour, 0, 255)
        other = cv2.GaussianBlur(image[:, ::-1], (0, 0), 1.0) + self.strength * self.colour
        return np.clip(0.4 * image + 0.6 * other, 0, 255)
