"""Rules for all files: which package may import which, what packages need, and what no file may contain."""

import ast
import importlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("faces", "tfafsr", "records", "savedmodel_export", "experiments")
SOURCES = sorted(path for house in HOUSES for path in (ROOT / house).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES + TESTS}
GROUND = {
    "records.errors",
    "records.progress",
    "records.atomic",
    "records.places",
}  # what every room of the records needs
FORGE = {
    "records.forge",
    *(f"records.forge.{room}" for room in ("people", "camera", "mesh", "networks", "manipulations")),
}
METHOD = {"tfafsr", "tfafsr.baselines", "tfafsr.layers", "tfafsr.losses"}
EXPORT = {"savedmodel_export", "savedmodel_export.edge_runtime"}
# Room -> the rooms that it may import, by their `__init__.py` alone; a room may always import itself and GROUND.
ARROWS = {
    "faces": set(),
    "records": set(),
    "records.shards": {"faces"},
    "records.footage": set(),
    "records.sources": {"records.shards", "records.footage"},
    "records.building": {"faces", "records.shards", "records.footage", "records.sources"},
    **dict.fromkeys(FORGE, FORGE | {"faces", "records.building", "records.footage"}),
    **dict.fromkeys(METHOD, METHOD | {"faces"}),
    "savedmodel_export": EXPORT | METHOD | {"faces"},
    "savedmodel_export.edge_runtime": {"faces"},
}
NOT_GROUND = {"faces", *METHOD, "savedmodel_export.edge_runtime"}  # rooms that need nothing of the records
PACKAGES = {  # rooms that may import these packages alone, next to Python's own
    "faces": {"numpy", "cv2"},
    **{room: {"keras", "tensorflow", "numpy", "scipy", "sklearn", "lazy_loader"} for room in METHOD},
    "savedmodel_export.edge_runtime": {"ai_edge_litert", "numpy", "cv2"},
}


def dotted(path: Path) -> str:
    """records/shards/__init__.py -> records.shards"""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(path) for path in SOURCES}
ROOMS = {dotted(path.parent / "__init__.py") for path in SOURCES}


def room_of(module: str) -> str:
    return module if module in ROOMS else module.rpartition(".")[0]


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, dotted name) of each import of a file; `from a import b` is a.b where that is a module, else a."""
    package, found = room_of(dotted(path)), []
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, (package, node.module))) if node.level else node.module
            for alias in node.names:
                found.append((node.lineno, f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base))
    return found


def wrong_arrow(room: str, name: str, exported: set[str]) -> str | None:
    """Why a file in `room` may not import `name`, a module or a room of ours."""
    other = room_of(name)
    if other == room or (room.startswith(other + ".") and name not in ROOMS):  # a sub-room belongs to its room
        return None if other == room or room.partition(".")[0] != "savedmodel_export" else f"may not import {name}"
    if name in GROUND:
        return f"may not import {name}" if room in NOT_GROUND else None
    if other not in ARROWS.get(room, ROOMS):
        return f"may not import {other}"
    return None if name in ROOMS or name in exported else f"imports {name}, which is private to {other}"


def exported_modules() -> set[str]:
    """Modules that a room exports as they are, such as tfafsr.metrics."""
    return {
        f"{room}.{name}"
        for room in ROOMS
        for name in getattr(importlib.import_module(room), "__all__", ())
        if f"{room}.{name}" in MODULES
    }


def test_imports_follow_the_arrows():
    exported = exported_modules()
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {reason}"
        for path in SOURCES
        if path != ROOT / "tfafsr" / "__main__.py"  # `python -m tfafsr` forwards to the command line
        for line, name in imports(path)
        if name in MODULES and (reason := wrong_arrow(room_of(dotted(path)), name, exported))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_a_wrong_import_is_seen():
    assert wrong_arrow("records.shards", "tfafsr", set()) == "may not import tfafsr"
    assert wrong_arrow("records.building", "records.forge", set())
    assert wrong_arrow("records.building", "records.shards.schema", set()).endswith("private to records.shards")
    assert wrong_arrow("faces", "records.errors", set())
    assert wrong_arrow("savedmodel_export.edge_runtime", "savedmodel_export.graph", set())
    assert not wrong_arrow("records.building", "records.shards", set())
    assert not wrong_arrow("records.forge.people", "records.forge.seeds", set())
    assert not wrong_arrow("experiments.cli", "tfafsr.metrics", {"tfafsr.metrics"})


def test_a_room_exports_what_it_says():
    for room in sorted(ROOMS):
        module = importlib.import_module(room)
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"{room} exports {name}, which it does not have"


def test_rooms_need_no_other_packages():
    for path in SOURCES:
        allowed = PACKAGES.get(room_of(dotted(path)))
        tops = {name.split(".")[0] for _, name in imports(path)} - set(sys.stdlib_module_names) - set(HOUSES)
        assert allowed is None or tops <= allowed, f"{path.relative_to(ROOT)} imports {tops - allowed}"


def test_options_are_plain():
    for path in SOURCES:
        if path.stem == "options" and "cli" not in path.parts:
            tops = {name.split(".")[0] for _, name in imports(path) if name != "records.errors"}
            assert tops <= {*sys.stdlib_module_names, "records"}, f"{path.relative_to(ROOT)} imports {tops}"


def test_only_the_edge_runtime_imports_relatively():
    """It is copied into bundles, where it is a package of its own."""
    for path in SOURCES:
        if "edge_runtime" not in path.parts:
            levels = [node.lineno for node in ast.walk(TREES[path]) if isinstance(node, ast.ImportFrom) and node.level]
            assert not levels, f"{path.relative_to(ROOT)}:{levels}"


def test_no_path_of_a_machine_and_no_edit_of_sys_path():
    of_a_machine = re.compile(r"(/(home|root|tmp|usr|mnt|work|data|var|opt)/|[A-Z]:\\)")
    for path in set(SOURCES + TESTS) - {Path(__file__).resolve()}:
        assert not re.search(r"sys\.path\.|sys\.path\s*=", path.read_text()), path
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not of_a_machine.match(node.value), f"{path.relative_to(ROOT)}:{node.lineno}: {node.value!r}"


def test_no_pickle_no_shell_no_eval():
    for path in SOURCES:
        place = path.relative_to(ROOT)
        assert not {"pickle", "dill", "shelve", "marshal"} & {name.split(".")[0] for _, name in imports(path)}, place
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Call):
                assert not (isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}), place
                risky = [keyword for keyword in node.keywords if keyword.arg in {"shell", "allow_pickle"}]
                assert not any(getattr(keyword.value, "value", False) is True for keyword in risky), place


def test_a_file_says_what_it_is_for_and_stays_short():
    for path in SOURCES:
        place = path.relative_to(ROOT)
        assert ast.get_docstring(TREES[path]), f"{place} has no docstring"
        assert len(path.read_text().splitlines()) <= 400, f"{place} is longer than 400 lines"
        assert path.stem != "utils"


def test_tests_mirror_the_sources():
    for path in TESTS:
        if path.parent != ROOT / "tests" and path.stem.startswith("test_"):
            mirrored = ROOT / path.relative_to(ROOT / "tests").parent
            assert mirrored.is_dir(), f"{path.relative_to(ROOT)} mirrors no folder"
