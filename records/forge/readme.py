"""Writes the text of a forged data set's README.txt."""

from __future__ import annotations

from records.forge.manipulations import METHODS
from records.forge.options import CRF
from records.forge.pair import PRESET


def of_rearranged(result: dict, layout: str) -> str:
    """The text for other layouts than v3; `result` is the content of forge.json."""
    return "\n".join(_about(result, f"`tfafsr forge --layout {layout}`")) + "\n"


def of_v3(result: dict, splits: dict[str, list[tuple[str, str]]]) -> str:
    """The text for the layout v3; `result` is the content of forge.json, `splits` that of splits/*.json."""
    decoys = sum(bool(note["decoy"]) for name, note in result["clips"].items() if name.startswith("original/"))
    pairs = ", ".join(f"{split} {len(pairs)}" for split, pairs in splits.items())
    lines = (
        *_about(result, "FaceForensics++ (download script v3)"),
        f"encoder       libx264, yuv420p, 25 frames/s, preset {PRESET}, one thread; crf "
        + ", ".join(f"{name} {crf}" for name, crf in CRF.items() if name in result["options"]["compressions"]),
        f"methods       {', '.join(METHODS)}",
        f"pairs         {pairs}; a pair a, b gives the clips a, b and, for each method, a_b and b_a",
        "strength      each fake has one in [0, 1], from barely visible to plain, in forge.json",
        f"decoys        {decoys} original clips carry a harmless edit, and so do their manipulated versions",
        f"left out      {len(result['skips'])} photographs",
        "",
        "splits/*.json  pairs as in FaceForensics++'s own files; no identity is in two splits",
        "forge.json     seed, options, decoys and strengths by clip, photographs left out and why",
        "networks/      weights of the two networks that painted Deepfakes and NeuralTextures",
    )
    return "\n".join(lines) + "\n"


def _about(result: dict, layout: str) -> list[str]:
    """The first lines of every README.txt."""
    options = result["options"]
    names = ("faces", "identities", "frames", "size", "compressions", "version")
    return [
        f"A forged data set in the layout of {layout}. Every manipulated face in it was",
        "made by the program that wrote this file; nothing of the real data set is in it.",
        "",
        f"seed          {result['seed']}",
        *(f"{name:13} {options[name]}" for name in names),
    ]
