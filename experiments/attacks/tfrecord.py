"""Reads and writes the framing of TFRecord files (length, checksum, data, checksum), so that it can be damaged."""

from __future__ import annotations

import dataclasses
import struct

POLYNOMIAL, MASK = 0x82F63B78, 0xA282EAD8  # of CRC32C, reflected; of TFRecord's masking
TABLE: list[int] = []


@dataclasses.dataclass
class Frame:
    """One record in the file's framing; the length and the checksums may be wrong."""

    data: bytes
    length: int
    length_checksum: int
    data_checksum: int

    @classmethod
    def around(cls, data: bytes, length: int | None = None) -> Frame:
        """A frame around `data` with right checksums; `length` replaces its length."""
        length = len(data) if length is None else length
        return cls(data, length, checksum(struct.pack("<Q", length)), checksum(data))

    def packed(self) -> bytes:
        """The frame as bytes of the file."""
        head = struct.pack("<QI", self.length, self.length_checksum)
        return head + self.data + struct.pack("<I", self.data_checksum)


def frames_in(content: bytes) -> list[Frame]:
    """The frames of an intact file's content."""
    found, place = [], 0
    while place < len(content):
        length, length_checksum = struct.unpack_from("<QI", content, place)
        data = content[place + 12 : place + 12 + length]
        found.append(Frame(data, length, length_checksum, *struct.unpack_from("<I", content, place + 12 + length)))
        place += 16 + length
    return found


def packed(frames: list[Frame]) -> bytes:
    """The content of a file with these frames."""
    return b"".join(frame.packed() for frame in frames)


def checksum(data: bytes) -> int:
    """The masked CRC32C, TFRecord's checksum."""
    if not TABLE:
        for value in range(256):
            for _ in range(8):
                value = value >> 1 ^ (POLYNOMIAL if value & 1 else 0)
            TABLE.append(value)
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF
