"""Attacks `build`, `forge` and the edge runtime with hostile files, each beside an intact file."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from experiments.attacks.child import Attack
from experiments.attacks.hostile_files import ALIKE, ANY, FILE_ATTACKS, REFUSED, Hostile
from experiments.attacks.intact_media import picture
from experiments.attacks.outcomes import HARMLESS, refusal
from experiments.attacks.outcomes import REFUSED as WAS_REFUSED
from experiments.attacks.untrained import noise_faces, untrained_detector
from records.building import BuildOptions, build_part, build_records, mtcnn_networks
from records.errors import DataError
from records.forge.people import list_photographs, read_photograph
from records.shards import read
from records.sources import SourceOptions, find
from savedmodel_export import export_edge

OPTIONS = BuildOptions(size=64, frames_train=2, frames_eval=2)
GOOD = "good.png"
EMPTY = ("empty1.png", "empty2.png")  # random splits need at least three files
EDGE_FRAMES = 3
TOGETHER = 25  # after this many attacks, `forge` reads all their files in one folder
PHOTO_SIZE = 128  # side of forged frames, for which the intact picture is large enough
LEVELS = 8.0  # grey levels by which two decoders or codecs may differ on the same picture, on average
# The program of the edge bundle, run in this process; its package does not export it, so it is imported by its name.
EDGE_PROGRAM = "savedmodel_export.edge_runtime.__main__"
LEFT_OUT = "left out: the source `folder` reads no files of this ending"
# The result of a reader for one file: the reason of a refusal, or the frames (or numbers) that it read.
Answer = str | list[np.ndarray]


class FilesTarget:
    """Attacks the source `folder`, the photographs of `forge` and an edge bundle; see `child.Target`."""

    seconds = 300.0
    memory = 640 * 2**20

    def __init__(self, workspace: Path, seed: int) -> None:
        self.seed, self.workspace, self.bundle = seed, workspace, workspace / "bundle"
        if not self.bundle.exists():
            export_edge(untrained_detector(*noise_faces(8)), self.bundle, mtcnn_networks())
        self.references: dict[str, dict[str, Answer]] = {}
        self.intact = self._intact_answers(".png", picture(".png"))

    def attack(self, number: int) -> Attack:
        """Writes a hostile file beside an intact one; the kinds follow each other in the order of FILE_ATTACKS."""
        hostile = self._hostile(number)
        root = _folder(self.workspace / "files" / "root")
        path = _write(root / "fake", hostile)
        together = number % TOGETHER == TOGETHER - 1
        return hostile.what, lambda: self._judge(hostile, root, path, number if together else None)

    def _hostile(self, number: int) -> Hostile:
        return FILE_ATTACKS[number % len(FILE_ATTACKS)](np.random.default_rng((self.seed, number)))

    def _judge(self, hostile: Hostile, root: Path, path: Path, together: int | None) -> tuple[str, str]:
        wanted = self._intact_answers(*hostile.like) if hostile.like else {}
        readers = {"folder": self._built, "photographs": self._photograph, "edge": self._scored}
        results = []
        for reader, function in readers.items():
            good, answer = function(root, path)
            if not _alike(good, self.intact[reader], 1e-3):
                results.append(("silent", f"{reader}: the intact file beside it gives another result: {good!r:.300}"))
            elif answer is not None:
                results.append(_judged(reader, hostile, answer, wanted.get(reader)))
        if together is not None:
            results.append(self._photographs_together(together))
        findings = [result for result in results if result[0] not in (HARMLESS, WAS_REFUSED)]
        if findings:
            return findings[0][0], "\n".join(detail for _, detail in findings)
        refused = [detail for kind, detail in results if kind == WAS_REFUSED]
        return (WAS_REFUSED, "\n".join(refused)) if refused else (HARMLESS, "")

    def _intact_answers(self, ending: str, content: bytes) -> dict[str, Answer]:
        """The answer of each reader for an intact file."""
        key = hashlib.sha256(ending.encode() + content).hexdigest()
        if key not in self.references:
            root = _folder(self.workspace / "intact" / "root")
            path = root / "fake" / f"intact{ending}"
            path.write_bytes(content)
            answers = {"folder": self._built, "photographs": self._photograph, "edge": self._scored}
            self.references[key] = {name: function(root, path)[1] for name, function in answers.items()}
        return self.references[key]

    # Each reader returns (its answer for the intact file, its answer for the other one or None if it does not read it).

    def _built(self, root: Path, path: Path) -> tuple[Answer, Answer | None]:
        """The frames in the records that `build` makes from the folder."""
        out = root.parent / "records"
        shutil.rmtree(out, ignore_errors=True)
        found = find(root, SourceOptions(source="folder"))
        manifest = build_records(
            found,
            out,
            OPTIONS,
            source="folder",
            say=lambda line: None,
            run=lambda tasks: (build_part(*t) for t in tasks),
        )
        frames: dict[str, list[np.ndarray]] = {video: [] for video in manifest.clips}
        for split, levels in manifest.counts.items():
            for level in levels:
                for one in read(out, split, level, fields=("video", "frame")).as_numpy_iterator():
                    frames[one["video"].decode()].append(one["frame"])
        good = frames.pop(next(video for video in frames if video.endswith(f"real/{GOOD}")))
        reasons = [skip.reason for skip in manifest.skips if not skip.clip.endswith(EMPTY)]
        if frames:
            answer = next(iter(frames.values())) or "no face in any frame"
        elif reasons or found.odd or not path.is_file():
            answer = reasons[0] if reasons else LEFT_OUT
        else:
            raise AssertionError(f"{path.name!r} is neither a clip nor a skip nor odd")
        return good, answer

    def _photograph(self, root: Path, path: Path) -> tuple[Answer, Answer | None]:
        """The pixels that `forge` reads from the file, if it takes it for a photograph."""
        good = [read_photograph(root / "real" / GOOD)]
        try:
            people = list_photographs(path.parent)
        except DataError:  # there is no photograph in that folder
            return good, None
        if path.name not in itertools.chain(*people.values()):
            return good, None
        try:
            return good, [read_photograph(path)]
        except DataError as error:
            return good, str(error)

    def _scored(self, root: Path, path: Path) -> tuple[Answer, Answer | None]:
        """The boxes and probabilities that the edge runtime prints."""
        arguments = ["--frames", str(EDGE_FRAMES), "--models", str(self.bundle), "--", str(path)]
        arguments.append(str(root / "real" / GOOD))
        lines = _printed(["--json", *arguments])
        answers = json.loads(lines)
        lines = _printed(arguments).splitlines()
        if any(not character.isprintable() for line in lines for character in line):
            raise AssertionError(f"control characters reach the terminal: {lines!r}")
        if len(lines) != sum("error" not in answer for answer in answers):
            raise AssertionError(f"each file must have one line: {lines!r}")
        bad, good = (_numbers(answer) for answer in answers)
        return good, bad

    def _photographs_together(self, number: int) -> tuple[str, str]:
        """Writes the files of the last attacks into one folder of photographs, where the intact one must be found."""
        folder = self.workspace / "files" / "photographs"
        folder.mkdir()
        (folder / GOOD).write_bytes(picture(".png"))
        for one in range(number - TOGETHER + 1, number + 1):
            hostile = self._hostile(one)
            with contextlib.suppress(OSError):  # two attacks may create a further file of the same name
                _write(folder, Hostile(hostile.what, b"%d-" % one + hostile.name, hostile.content, hostile.must))
        # In a new process, because this child process is not allowed to start workers.
        command = [sys.executable, "-m", "experiments.attacks.photographs", str(folder), str(PHOTO_SIZE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return "traceback", f"photographs: {done.stderr}"
        if "absl::" in done.stderr:  # TensorFlow's start-up lines
            return "vague", f"photographs: printed {done.stderr!r:.500}"
        if GOOD not in json.loads(done.stdout):
            return "silent", f"photographs: the intact one among {TOGETHER} hostile files is not found"
        return HARMLESS, ""


def _nothing(line: str) -> None:
    """Says nothing."""


def _printed(arguments: list[str]) -> str:
    """The output of the edge runtime on a terminal that accepts only UTF-8."""
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="utf-8", errors="strict")
    with contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(io.StringIO()):
        importlib.import_module(EDGE_PROGRAM).main(arguments)
        terminal.flush()
    return written.getvalue().decode()


def _folder(root: Path) -> Path:
    """Makes a data set with one intact picture and returns its folder."""
    shutil.rmtree(root.parent, ignore_errors=True)
    for name in ("real", "fake"):
        (root / name).mkdir(parents=True)
    (root / "real" / GOOD).write_bytes(picture(".png"))
    for name in EMPTY:
        (root / "real" / name).write_bytes(b"")
    return root


def _write(folder: Path, hostile: Hostile) -> Path:
    path = Path(os.fsdecode(os.path.join(os.fsencode(folder), hostile.name)))
    intact = folder.parent / "real" / GOOD
    if callable(hostile.content):
        hostile.content(path, intact)
    else:
        path.write_bytes(hostile.content)
    return path


def _numbers(answer: dict) -> Answer:
    """The boxes and probabilities of a file that was scored, or the reason why it was not."""
    if "error" in answer:
        return answer["error"]
    if not answer["frames"]:
        return "no face"
    return [np.array([*frame["box"], 100 * frame["probability"]]) for frame in answer["frames"]]


def _judged(reader: str, hostile: Hostile, answer: Answer, wanted: Answer | None) -> tuple[str, str]:
    if isinstance(answer, str):
        if hostile.must == ALIKE and not isinstance(wanted, str):
            return "silent", f"{reader}: refused, but it must be read: {answer}"
        result, detail = refusal(answer, ("",))
        return result, f"{reader}: {detail}"
    if hostile.must == REFUSED:
        return "silent", f"{reader}: read as {len(answer)} frames, but it must be refused"
    if hostile.must != ANY and wanted not in (None, LEFT_OUT) and not _alike(answer, wanted):
        return "silent", f"{reader}: the result differs from that of the intact file: {_apart(answer, wanted)}"
    return HARMLESS, ""


def _alike(found: Answer, wanted: Answer, levels: float = LEVELS) -> bool:
    if isinstance(found, str) or isinstance(wanted, str):
        return isinstance(found, str) and isinstance(wanted, str)
    shapes = [one.shape for one in found] == [one.shape for one in wanted]
    return shapes and all(
        np.abs(one.astype(float) - other).mean() <= levels for one, other in zip(found, wanted, strict=True)
    )


def _apart(found: Answer, wanted: Answer) -> str:
    if isinstance(wanted, str):
        return f"that gives {wanted!r}"
    if [one.shape for one in found] != [one.shape for one in wanted]:
        return f"{[one.shape for one in found]} in the place of {[one.shape for one in wanted]}"
    return f"{max(np.abs(one.astype(float) - two).mean() for one, two in zip(found, wanted, strict=True)):.1f} apart"
