"""The appearance of a rendered person, which is the same in all frames."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from records.forge.seeds import generator

# Skin tones from light to dark, sRGB; a person's tone is between two neighbours.
SKIN = np.array(
    [(240, 205, 182), (232, 188, 158), (216, 168, 134), (196, 145, 108), (160, 112, 80), (122, 82, 58)], np.float32
)
HAIR = np.array(
    [(28, 22, 20), (52, 36, 26), (84, 56, 36), (122, 84, 50), (176, 138, 88), (140, 70, 40), (150, 146, 142)],
    np.float32,
)
IRIS = np.array([(70, 44, 28), (96, 66, 40), (84, 100, 62), (92, 118, 140), (110, 116, 122)], np.float32)
TEXTURE = 256


@dataclass(frozen=True)
class Person:
    """Shape, colours, hair, clothes, light and background of one person; the unit of lengths is the eye distance."""

    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    lips: np.ndarray
    clothes: np.ndarray
    backdrop: np.ndarray
    head_width: float
    taper: float
    chin: float
    mouth_v: float
    mouth_width: float
    lip: float
    nose_width: float
    nose_length: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    brow_v: float
    brow_arch: float
    brow_thickness: float
    hairline: float
    parting: float
    hair_length: float
    hair_volume: float
    stubble: float
    collar: float
    stripes: float
    light: np.ndarray
    ambient: float
    shine: float
    folds: float
    bags: float
    forehead: float
    shadow: np.ndarray
    texture: np.ndarray
    strands: np.ndarray


def make_person(seed: int, identity: str) -> Person:
    """The person called `identity` in the data set with that seed."""
    rng = generator(seed, "person", identity)
    skin = _between(SKIN, rng) + rng.normal(0, 4, 3)
    dark_hair = skin.mean() < 150 or rng.random() < 0.3
    hair = (HAIR[rng.integers(0, 2)] if dark_hair else HAIR[rng.integers(0, len(HAIR))]) * rng.uniform(0.8, 1.2)
    redness = rng.uniform(0.35, 0.7)
    lips = skin * (1 - redness) + np.array((176, 82, 84)) * (0.55 + 0.45 * skin.mean() / 210) * redness
    long_hair = rng.random() < 0.5
    light = np.array((rng.uniform(-0.75, 0.75), rng.uniform(-0.75, -0.15), rng.uniform(0.8, 1.2)))
    return Person(
        skin=_colour(skin),
        hair=_colour(hair),
        iris=_colour(IRIS[rng.integers(0, len(IRIS))] * rng.uniform(0.8, 1.2)),
        lips=_colour(lips),
        clothes=_colour(np.stack([_vivid(rng), _vivid(rng)])),
        backdrop=_backdrop(rng),
        head_width=rng.uniform(1.08, 1.24),
        taper=rng.uniform(0.22, 0.42),
        chin=rng.uniform(1.08, 1.26),
        mouth_v=rng.uniform(0.47, 0.57),
        mouth_width=rng.uniform(0.36, 0.46),
        lip=rng.uniform(0.8, 1.3),
        nose_width=rng.uniform(0.8, 1.25),
        nose_length=rng.uniform(0.08, 0.20),
        eye_width=rng.uniform(0.23, 0.29),
        eye_open=rng.uniform(0.09, 0.125),
        eye_tilt=rng.uniform(-0.12, 0.12),
        brow_v=rng.uniform(-0.84, -0.74),
        brow_arch=rng.uniform(0.03, 0.14),
        brow_thickness=rng.uniform(0.04, 0.08),
        hairline=rng.uniform(-1.50, -1.20),
        parting=rng.uniform(-0.12, 0.12),
        hair_length=rng.uniform(0.4, 2.2) if long_hair else rng.uniform(-0.7, -0.3),
        hair_volume=rng.uniform(1.06, 1.22) if long_hair else rng.uniform(1.02, 1.10),
        stubble=0.0 if long_hair else max(0.0, rng.uniform(-0.4, 0.25)),
        collar=rng.uniform(-0.05, 0.5),
        stripes=max(0.0, rng.uniform(-0.5, 0.6)),
        light=(light / np.linalg.norm(light)).astype(np.float32),
        ambient=rng.uniform(0.42, 0.62),
        shine=rng.uniform(0.03, 0.14),
        folds=rng.uniform(0.0, 0.45),
        bags=rng.uniform(0.0, 0.35),
        forehead=max(0.0, rng.uniform(-0.3, 0.4)),
        shadow=_eye_shadow(rng, skin) if long_hair else _colour(skin),
        texture=_skin_texture(rng),
        strands=_strands(rng),
    )


def _between(colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    position = rng.uniform(0, len(colours) - 1)
    low = int(position)
    return colours[low] + (position - low) * (colours[low + 1] - colours[low])


def _colour(srgb: np.ndarray) -> np.ndarray:
    return np.clip(srgb, 4, 250).astype(np.float32)


def _vivid(rng: np.random.Generator) -> np.ndarray:
    """A random colour, from grey to fairly saturated."""
    grey, saturation = rng.uniform(30, 220), rng.uniform(0, 60)
    return grey + saturation * rng.uniform(-1, 1, 3)


def _noise(rng: np.random.Generator, sigma_x: float, sigma_y: float) -> np.ndarray:
    """Gaussian noise after a blur in texels, with mean 0 and standard deviation 1: (TEXTURE, TEXTURE)."""
    field = rng.standard_normal((TEXTURE, TEXTURE), dtype=np.float32)
    if sigma_x or sigma_y:
        field = cv2.GaussianBlur(
            field, (0, 0), max(sigma_x, 0.05), sigmaY=max(sigma_y, 0.05), borderType=cv2.BORDER_REFLECT
        )
    return (field - field.mean()) / field.std()


def _skin_texture(rng: np.random.Generator) -> np.ndarray:
    """Relative brightness of the skin: pores, spots, patches, freckles and moles: float32 (TEXTURE, TEXTURE), around 0.

    It is strong enough for two persons' skins to differ by more than the threshold of the masks here and there; on
    skins as even as those of dolls, only the outlines of eyes and mouth would be manipulated.
    """
    pores, spots, patches = _noise(rng, 0.9, 0.9), _noise(rng, 3.0, 3.0), _noise(rng, 9, 9)
    freckles = np.clip(_noise(rng, 2.0, 2.0) - rng.uniform(1.3, 2.2), 0, 1) * rng.choice((0.0, 0.0, 0.15, 0.3))
    moles = np.clip(_noise(rng, 3.0, 3.0) - 3.2, 0, 0.5) * rng.uniform(0.5, 1.2)
    even = rng.uniform(0.012, 0.03) * pores + rng.uniform(0.02, 0.05) * spots + rng.uniform(0.015, 0.05) * patches
    return even - freckles - moles


def _eye_shadow(rng: np.random.Generator, skin: np.ndarray) -> np.ndarray:
    """The colour of made-up lids; often the skin's own."""
    amount = max(0.0, rng.uniform(-0.5, 0.8))
    return _colour(skin * (1 - amount) + amount * (0.5 * skin + 0.5 * _vivid(rng)) * 0.8)


def _strands(rng: np.random.Generator) -> np.ndarray:
    """Relative brightness of the hair, with strands along the columns: float32 (TEXTURE, TEXTURE)."""
    return 0.13 * _noise(rng, 1.0, 22) + 0.10 * _noise(rng, 3.0, 30)


def _backdrop(rng: np.random.Generator) -> np.ndarray:
    """The blurred background behind the person: float32 (TEXTURE, TEXTURE, 3) sRGB."""
    y, x = np.mgrid[0:TEXTURE, 0:TEXTURE].astype(np.float32) / TEXTURE
    angle = rng.uniform(0, 2 * np.pi)
    ramp = 0.5 + 0.6 * (np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5))[..., None]
    image = np.clip(_vivid(rng), 10, 245) * (1 - ramp) + np.clip(_vivid(rng), 10, 245) * ramp
    image = np.ascontiguousarray(image, dtype=np.float32)
    for _ in range(rng.integers(2, 9)):
        corner, extent = rng.uniform(-0.1, 1, 2) * TEXTURE, rng.uniform(0.08, 0.6, 2) * TEXTURE
        colour = tuple(float(value) for value in np.clip(_vivid(rng), 5, 245))
        first, second = tuple(corner.astype(int).tolist()), tuple((corner + extent).astype(int).tolist())
        if rng.random() < 0.7:
            cv2.rectangle(image, first, second, colour, -1)
        else:
            cv2.circle(image, first, int(extent[0] / 2) + 2, colour, -1)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(1.2, 7.0))
    grain = rng.uniform(0, 3.0) * _noise(rng, 1.5, 1.5)
    return np.clip(image + grain[..., None], 0, 255)
