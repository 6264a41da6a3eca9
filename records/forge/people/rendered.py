"""Draws a person's head with NumPy and OpenCV, and returns its key points."""

from __future__ import annotations

import copy

import cv2
import numpy as np

from records.forge.people.person import TEXTURE, Person
from records.forge.people.shape import (
    EYES_PER_FRAME,
    HEAD_CENTRE,
    HEAD_HALF_HEIGHT,
    Pose,
    brow_line,
    centre,
    eyelids,
    head_radius,
    lip_lines,
    mouth_half_width,
    place,
    step,
)

BLUSH = np.array((0.0, 0.055, 0.05), np.float32)
SCLERA, LASHES = np.array((222, 216, 210), np.float32), np.array((30, 22, 20), np.float32)
MOUTH, TEETH = np.array((62, 22, 24), np.float32), np.array((193, 185, 175), np.float32)


def draw(person: Person, pose: Pose, size: int, canvas: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws one frame.

    Args:
        person: the person.
        pose: the pose of the head in this frame.
        size: side in pixels of the frame that will be cut from the canvas; it decides the scale.
        canvas: side in pixels of the image to draw: `size` and a margin.

    Returns:
        (image, points): float32 (canvas, canvas, 3) sRGB in [0, 255]; float32 (5, 2), x and y of the key points.
    """
    return _Drawing(person, pose, size, canvas).draw()


def _bump(u: np.ndarray, v: np.ndarray, at_u: float, at_v: float, sigma_u: float, sigma_v: float) -> np.ndarray:
    return np.exp(-0.5 * (((u - at_u) / sigma_u) ** 2 + ((v - at_v) / sigma_v) ** 2))


class _Drawing:
    """A frame that is being drawn: layers are painted over each other onto `image`, from the back to the front."""

    def __init__(self, person: Person, pose: Pose, size: int, canvas: int) -> None:
        self.person, self.pose = person, pose
        self.unit = EYES_PER_FRAME * size
        self.size, self.canvas = size, canvas
        self.centre = centre(size, canvas)
        self.pixel = 1.0 / self.unit
        columns = (np.arange(canvas, dtype=np.float32) - self.centre[0]) * np.float32(self.pixel)
        rows = (np.arange(canvas, dtype=np.float32) - self.centre[1]) * np.float32(self.pixel)
        self.x, self.y = np.meshgrid(columns, rows)
        self.radius = head_radius(self.person, self.x, self.y)
        self.depth = np.sqrt(np.clip(1 - self.radius**2, 0, 1))
        # If the head turns, a feature at depth z moves by angle * z; so the pixel (x, y) shows the skin at (u, v).
        self.u = self.x - pose.yaw * self.depth
        self.v = self.y - pose.pitch * self.depth
        self.shade = np.ones_like(self.x)
        self.image = np.empty((canvas, canvas, 3), np.float32)

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        """Paints everything and returns image and key points."""
        person = self.person
        self._backdrop()
        self._back_hair()
        self._window(-3, 3, 0, 9)._neck_and_clothes()
        for side in (-1, 1):
            at = side * (person.head_width + 0.02)
            self._window(at - 0.4, at + 0.4, -0.8, 0.5)._ear(side)
        head = self._window(-1.4, 1.4, HEAD_CENTRE - HEAD_HALF_HEIGHT - 0.1, person.chin + 0.1)
        head._skin()
        for side in (-1, 1):
            shift = self.pose.yaw
            head._window(side * 0.5 + shift - 0.5, side * 0.5 + shift + 0.5, -1.2, 0.0)._brow_and_eye(side)
        head._window(-0.7, 0.7, -0.4, 0.6)._nostrils()
        head._window(-1.0, 1.0, person.mouth_v - 0.5, person.mouth_v + 0.6)._mouth()
        self._window(-2.5, 2.5, -9, max(person.hair_length, 0.0) + 0.2)._front_hair()
        return np.clip(self.image, 0, 255), self._key_points()

    def _window(self, left: float, right: float, top: float, bottom: float) -> _Drawing:
        """The part inside a rectangle, given in eye distances; painting it changes the same image."""
        side = self.image.shape
        x0, x1 = np.clip(np.searchsorted(self.x[0], (left, right)), 0, side[1])
        y0, y1 = np.clip(np.searchsorted(self.y[:, 0], (top, bottom)), 0, side[0])
        part = copy.copy(self)
        for name in ("x", "y", "radius", "depth", "u", "v", "shade", "image"):
            setattr(part, name, getattr(self, name)[y0:y1, x0:x1])
        return part

    def _cover(self, signed: np.ndarray, softness: float = 0.7) -> np.ndarray:
        """Opacity of a shape, with an edge of about a pixel; `signed` (in eye distances) is above 0 inside of it."""
        return np.clip(0.5 + signed / (2 * softness * self.pixel), 0, 1)

    def _paint(self, colour: np.ndarray, alpha: np.ndarray) -> None:
        self.image += alpha[..., None] * (colour - self.image)

    def _darken(self, alpha: np.ndarray) -> None:
        self.image *= 1 - alpha[..., None]

    def _lit(self, normal_x: np.ndarray, normal_y: np.ndarray) -> np.ndarray:
        """Brightness of a surface whose normal is along (normal_x, normal_y, 1)."""
        light_x, light_y, light_z = self.person.light.tolist()
        length = np.sqrt(normal_x**2 + normal_y**2 + 1)
        cosine = (normal_x * light_x + normal_y * light_y + light_z) / length
        diffuse = np.clip((cosine + 0.25) / 1.25, 0, 1)
        # The power approximates sRGB's; the factor 1.08 keeps the nominal colour of lit skin.
        return 1.08 * (self.person.ambient + (1 - self.person.ambient) * diffuse) ** 0.75

    def _backdrop(self) -> None:
        side = self.image.shape[0]
        self.image[:] = cv2.resize(self.person.backdrop, (side, side), interpolation=cv2.INTER_LINEAR)

    def _strands(self, angle: np.ndarray, radius: np.ndarray) -> np.ndarray:
        columns, rows = (angle * (TEXTURE / np.pi)) % TEXTURE, np.clip(radius * 0.33, 0, 1) * (TEXTURE - 1)
        return cv2.remap(self.person.strands, columns, rows, cv2.INTER_LINEAR)

    def _hair_colour(self) -> np.ndarray:
        # Strands spread from the top of the head, and are straight below the ears.
        angle = np.arctan2(self.u, np.maximum(0.6 - self.v, 0.6))
        radius = np.hypot(self.u, self.v - 0.3)
        shade = self._lit(0.7 * self.x, 0.8 * (self.y + 0.6)) * (1 + self._strands(angle, radius))
        gloss = 0.16 * _bump(self.x - 0.8 * float(self.person.light[0]), self.y, 0, -1.55, 0.6, 0.16)
        return self.person.hair * (shade + gloss)[..., None] + 60 * gloss[..., None]

    def _hair_outline(self) -> np.ndarray:
        """Positive inside the outer outline of the hair."""
        volume = self.person.hair_volume
        return 1 - head_radius(self.person, self.x / volume, (self.y - HEAD_CENTRE) / volume + HEAD_CENTRE)

    def _back_hair(self) -> None:
        person = self.person
        end = person.hair_length - 0.25 * self.x**2
        falling = 1 - np.abs(self.x) / (person.head_width * person.hair_volume) - 0.03 * np.abs(self.y)
        inside = np.where(self.y > HEAD_CENTRE, np.minimum(falling, end - self.y), self._hair_outline())
        self._paint(0.72 * self._hair_colour(), self._cover(inside, 2.5))

    def _neck_and_clothes(self) -> None:
        person = self.person
        half = 0.60 * person.head_width
        turned = np.clip(self.x / half, -0.97, 0.97)
        shade = self._lit(turned / np.sqrt(1 - turned**2), np.float32(0.1))
        # The shadow of the chin becomes weaker downwards.
        shade = shade * (0.68 + 0.32 * step(self.y, person.chin - 0.1, person.chin + 0.75))
        spread = half + 0.5 * np.clip(self.y - 1.45, 0, None) ** 1.5
        self._paint(person.skin * shade[..., None], self._cover(spread - np.abs(self.x)))
        shoulders = 1.72 + person.collar * np.exp(-((self.x / 0.42) ** 2)) + 0.10 * np.abs(self.x) ** 1.6
        first, second = person.clothes
        stripes = person.stripes * (0.5 + 0.5 * np.sin(9 * self.x + 2 * self.y))[..., None]
        cloth = (first * (1 - stripes) + second * stripes) * self._lit(0.45 * self.x, np.float32(-0.5))[..., None]
        self._paint(cloth, self._cover(self.y - shoulders))

    def _ear(self, side: int) -> None:
        person = self.person
        at = side * (person.head_width + 0.02) - 0.35 * self.pose.yaw
        across, along = (self.x - at) / 0.17, (self.y + 0.18 - 0.1 * self.pose.pitch) / 0.36
        shade = self._lit(0.5 * side + 0.5 * across, 0.4 * along) * (0.9 - 0.22 * _bump(across, along, 0, 0, 0.4, 0.5))
        red = np.array((1, 0.94, 0.93), np.float32)
        self._paint(person.skin * red * shade[..., None], self._cover((1 - np.hypot(across, along)) * 0.17))

    def _skin(self) -> None:
        person, u, v = self.person, self.u, self.v
        # The ellipsoid becomes infinitely steep at the outline; from a radius of 0.97 on, its slope is limited.
        ellipsoid = np.sqrt(1 - np.minimum(self.radius, 0.97) ** 2) - 4 * np.clip(self.radius - 0.97, 0, None)
        height = 0.95 * ellipsoid + self._relief()
        normal_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=-0.125 / self.pixel)
        normal_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=-0.125 / self.pixel)
        # Hollows beside and under the nose and under the lower lip are darker.
        hollow = sum(0.16 * _bump(u, v, side * 0.33, -0.52, 0.14, 0.16) for side in (-1, 1))
        hollow += 0.16 * _bump(u, v, 0, person.mouth_v + 0.27, 0.22, 0.05)
        hollow += 0.22 * _bump(u, v, 0, person.nose_length + 0.10, 0.15 * person.nose_width, 0.05)
        self.shade[:] = self._lit(normal_x, normal_y) * (1 - hollow)
        half = person.light + np.array((0, 0, 1), np.float32)
        half_x, half_y, half_z = (half / np.linalg.norm(half)).tolist()
        cosine = (normal_x * half_x + normal_y * half_y + half_z) / np.sqrt(normal_x**2 + normal_y**2 + 1)
        gloss = 150 * person.shine * np.clip(cosine, 0, 1) ** 24
        face = self._albedo() * self.shade[..., None] + gloss[..., None]
        self._paint(face, self._cover((1 - self.radius) * 1.1, 1.0))

    def _albedo(self) -> np.ndarray:
        person, u, v = self.person, self.u, self.v
        columns, rows = (u + 1.6) * (TEXTURE / 3.2), (v + 2.0) * (TEXTURE / 3.2)
        texture = cv2.remap(person.texture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        blush = 0.7 * _bump(u, v, 0, 0.1, 0.14, 0.12)
        for side in (-1, 1):
            blush += _bump(u, v, side * 0.62, 0.08, 0.28, 0.24)
        colour = person.skin * (1 + texture[..., None]) * (1 - blush[..., None] * BLUSH)
        for side in (-1, 1):
            lid = np.clip(1.3 * _bump(u, v, side * 0.5, -0.62, 0.22, 0.07), 0, 1)[..., None]
            colour = colour + lid * (person.shadow - person.skin)
        colour = colour * (1 - np.clip(self._lines(), 0, 0.6))[..., None]
        if person.stubble > 0:
            jaw = step(v + 0.35 * np.abs(u), 0.30, 0.62)
            jaw = jaw * (1 - 0.8 * _bump(u, v, 0, person.mouth_v, 0.30, 0.10))
            shadow = np.clip(person.stubble * jaw * (0.8 + 6 * texture), 0, 0.8)
            colour += shadow[..., None] * (0.36 * person.hair - 0.6 * colour)
        return colour

    def _lines(self) -> np.ndarray:
        """How much folds beside the mouth, bags under the eyes and lines on the forehead darken the skin: in [0, 1]."""
        person, u, v = self.person, self.u, self.v
        lines = np.zeros_like(u)
        top, low = person.nose_length + 0.02, person.mouth_v + 0.06
        along = np.clip((v - top) / (low - top), 0, 1)
        for side in (-1, 1):
            off = u - side * (0.20 + 0.26 * along**0.7)
            fade = step(v, top - 0.06, top + 0.06) * (1 - step(v, low - 0.08, low + 0.06))
            lines += person.folds * fade * np.exp(-0.5 * (off / 0.03) ** 2)
            arc = -0.34 - 0.35 * (u - side * 0.5) ** 2
            lines += (
                person.bags * np.exp(-0.5 * ((v - arc) / 0.028) ** 2) * np.exp(-0.5 * ((u - side * 0.48) / 0.16) ** 2)
            )
        for height in (-1.00, -1.10, -1.20):
            curve = height + 0.05 * u**2
            lines += person.forehead * _bump(u, v - curve, 0, 0, 0.42, 0.014)
        return lines

    def _relief(self) -> np.ndarray:
        """Height of nose, brows, cheeks, lips and chin over the head's ellipsoid."""
        person, u, v = self.person, self.u, self.v
        tip = person.nose_length
        along = step(v, -0.62, tip) * (1 - step(v, tip + 0.02, tip + 0.17))
        width = (0.09 + 0.09 * step(v, -0.4, tip)) * person.nose_width
        relief = 0.30 * along * np.exp(-0.5 * (u / width) ** 2)
        for side in (-1, 1):
            relief += 0.07 * _bump(u, v, side * 0.16 * person.nose_width, tip + 0.04, 0.06, 0.06)
            relief -= 0.10 * _bump(u, v, side * 0.48, -0.50, 0.24, 0.14)
            relief += 0.06 * _bump(u, v, side * 0.46, person.brow_v, 0.28, 0.10)
            relief += (0.09 + 0.05 * self.pose.smile) * _bump(u, v, side * 0.60, 0.02, 0.26, 0.24)
            relief += 0.05 * _bump(u, v, side * 0.5, -0.50, 0.14, 0.09)
        relief += 0.07 * _bump(u, v, 0, person.mouth_v, 0.34, 0.13)
        relief += 0.10 * _bump(u, v, 0, person.chin - 0.20, 0.24, 0.14)
        return relief

    def _brow_and_eye(self, side: int) -> None:
        person, pose = self.person, self.pose
        outwards = (self.u * side - 0.50) / 0.34
        line, thick = brow_line(person, pose, outwards)
        brow = np.where(np.abs(outwards) < 1.05, thick - np.abs(self.v - line), -1)
        hairs = np.clip(0.9 + 1.2 * self._strands(3 * self.u, 1 + self.u), 0, 1)
        self._paint(0.75 * person.hair * self.shade[..., None], 0.80 * hairs * self._cover(brow, 1.4))
        u, v = (self.u - side * 0.5) * side, self.v + 0.5
        v = v + person.eye_tilt * u
        across = u / person.eye_width
        near = np.abs(across) < 1.04
        upper, lower = eyelids(person, pose, across)
        lid = 0.5 * np.exp(-0.5 * ((v + 0.12) / 0.06) ** 2)
        eye = SCLERA * np.clip(0.62 + 0.42 * self.shade - lid, 0, 1)[..., None]
        iris = np.hypot(u - side * 0.09 * pose.gaze_x, v - 0.04 * pose.gaze_y + 0.012)
        eye += self._cover(0.118 - iris)[..., None] * (person.iris * (0.8 + 2.2 * iris[..., None]) - eye)
        eye += self._cover(0.05 - iris)[..., None] * (12 - eye)
        glint = np.hypot(u - side * 0.05 * float(np.sign(person.light[0])), v + 0.045)
        eye += 0.85 * self._cover(0.024 - glint)[..., None] * (245 - eye)
        self._paint(eye, self._cover(np.where(near, np.minimum(v - upper, lower - v), -1)))
        lash = np.where(near, 0.020 - np.abs(v - upper + 0.008), -1)
        self._paint(LASHES, 0.78 * self._cover(lash, 1.0))
        rim = np.where(near, 0.010 - np.abs(v - lower), -1)
        crease = np.where(near, 0.012 - np.abs(v - 1.15 * upper + 0.065), -1)
        self._darken(0.22 * self._cover(rim, 1.2) + 0.25 * self._cover(crease, 1.2))

    def _nostrils(self) -> None:
        person = self.person
        for side in (-1, 1):
            at = side * 0.085 * person.nose_width
            self._darken(0.62 * _bump(self.u, self.v, at, person.nose_length + 0.085, 0.035, 0.022))

    def _mouth(self) -> None:
        person, pose = self.person, self.pose
        across = self.u / mouth_half_width(person, pose)
        lips = lip_lines(person, pose, self.u)
        line, upper, lower, gap = lips.line, lips.upper, lips.lower, lips.lower - lips.upper
        near = np.abs(across) < 1
        fullness = 1 + 0.10 * _bump(self.v - lower, self.u, 0.06, 0, 0.03, 0.2) - 0.10 * (self.v < line)
        inside = np.where(near, np.minimum(self.v - lips.top, lips.bottom - self.v), -1)
        self._paint(person.lips * (self.shade * fullness)[..., None], 0.88 * self._cover(inside, 1.0))
        teeth = np.clip(0.5 + (upper + 0.075 - self.v) / 0.02, 0, 1) * np.clip(1.2 - across**2 * 1.4, 0, 1)
        inside = (MOUTH + teeth[..., None] * (TEETH - MOUTH)) * np.clip(self.shade, 0.5, 1)[..., None]
        opening = np.where(near & (gap > 0), np.minimum(self.v - upper, lower - self.v), -1)
        self._paint(inside, self._cover(opening))
        crack = np.where(np.abs(across) < 1.02, 0.012 - np.abs(self.v - line), -1) - 0.5 * gap
        self._darken(0.6 * self._cover(crack, 1.2))

    def _front_hair(self) -> None:
        person, v = self.person, self.v
        # The hair has an opening for the face: an oval above the eyes, with straight or widening sides below.
        low = -0.15
        half = 0.94 * person.head_width
        height = (v - low) / (person.hairline - low)
        above = np.hypot((self.x - person.parting * height) / half, height) - 1
        width = 0.02 if person.hair_length > 0 else 0.30
        below = np.abs(self.x) / half - 1 - width * (v - low)
        inside = np.minimum(np.where(v < low, above, below), self._hair_outline())
        inside = np.minimum(inside, max(person.hair_length, -0.35) - v)
        self._paint(self._hair_colour(), self._cover(inside, 2.2))

    def _key_points(self) -> np.ndarray:
        person = self.person
        width = mouth_half_width(person, self.pose)
        corner = person.mouth_v - 0.05 * self.pose.smile
        places = [(-0.5, -0.5), (0.5, -0.5), (0, person.nose_length), (-width, corner), (width, corner)]
        return place(person, self.pose, np.array(places), self.size, self.canvas)
