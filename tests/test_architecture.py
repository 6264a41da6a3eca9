"""The house holds: who may import whom, and what no file may contain."""

import ast
import importlib
import re
import sys
from pathlib import Path

import click
import pytest

from tfafsr.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tfafsr", "records", "savedmodel_export", "experiments", "edge_runtime")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAY_IMPORT = {
    "tfafsr": {"tfafsr"},
    "records": {"records"},
    "savedmodel_export": {
        "savedmodel_export",
        "tfafsr",
        "edge_runtime",
        *(f"records.{name}" for name in ("video", "faces", "crop", "errors", "progress")),
    },
    "experiments": set(FOLDERS),
    "edge_runtime": {"edge_runtime"},
}
METHOD_NEEDS = {"keras", "tensorflow", "numpy", "sklearn", "click"}  # click: the command table alone
EDGE_NEEDS = {"ai_edge_litert", "numpy", "cv2"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> set[str]:
    """Dotted names that a file imports; `from a import b` counts as a.b, so that b may be a module."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def allowed(name: str, permitted: set[str]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in permitted)


@pytest.fixture(params=SOURCES, ids=relative)
def source(request):
    return request.param


def test_imports_follow_the_arrows(source):
    folder = source.relative_to(ROOT).parts[0]
    for name in imports(ast.parse(source.read_text())):
        if name.split(".")[0] in FOLDERS:
            assert allowed(name, MAY_IMPORT[folder]), f"{relative(source)} may not import {name}"


def test_the_check_of_arrows_sees_a_wrong_import():
    tree = ast.parse("def late():\n    from tfafsr.layers import ErrorLevelAnalysis\n")
    assert not any(allowed(name, MAY_IMPORT["records"]) for name in imports(tree))
    assert not allowed("records.building.build.main", MAY_IMPORT["savedmodel_export"])
    assert allowed("records.footage.video.read_frames", MAY_IMPORT["savedmodel_export"])


def test_no_relative_imports(source):
    for node in ast.walk(ast.parse(source.read_text())):
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{relative(source)}:{node.lineno}"


def test_the_method_needs_nothing_else(source):
    if source.relative_to(ROOT).parts[0] == "tfafsr":
        tops = {name.split(".")[0] for name in imports(ast.parse(source.read_text()))}
        third_parties = tops - set(sys.stdlib_module_names) - {"tfafsr"}
        assert third_parties <= METHOD_NEEDS
        assert "click" not in third_parties or source.name == "__main__.py"


def test_the_edge_runtime_needs_nothing_else(source):
    if source.relative_to(ROOT).parts[0] == "edge_runtime":
        tops = {name.split(".")[0] for name in imports(ast.parse(source.read_text()))}
        assert tops - set(sys.stdlib_module_names) - {"edge_runtime"} <= EDGE_NEEDS


@pytest.mark.parametrize("path", SOURCES + TESTS, ids=relative)
def test_no_path_of_a_machine_and_no_edit_of_sys_path(path):
    if path == Path(__file__).resolve():
        return
    text = path.read_text()
    assert not re.search(r"sys\.path\.|sys\.path\s*=", text)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.match(r"(/(home|root|tmp|usr|mnt|work|data|var|opt)/|[A-Z]:\\)", node.value), (
                f"{relative(path)}:{node.lineno}: {node.value!r}"
            )


def test_no_pickle_no_shell_no_eval(source):
    tree = ast.parse(source.read_text())
    assert not {"pickle", "dill", "shelve", "marshal"} & {name.split(".")[0] for name in imports(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            assert not (isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"})
            for keyword in node.keywords:
                risky = keyword.arg in {"shell", "allow_pickle"} and getattr(keyword.value, "value", False) is True
                assert not risky, f"{relative(source)}:{node.lineno}"


def test_a_file_says_what_it_is_for_and_stays_short(source):
    text = source.read_text()
    assert ast.get_docstring(ast.parse(text)), f"{relative(source)} has no docstring"
    assert len(text.splitlines()) <= 400
    assert source.stem != "utils"


def test_tests_mirror_the_sources():
    for path in TESTS:
        if path.parent == ROOT / "tests" or not path.stem.startswith("test_"):
            continue
        mirrored = ROOT / path.relative_to(ROOT / "tests").parent
        assert mirrored.is_dir(), f"{relative(path)} mirrors no folder"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists(name):
    module, function = COMMANDS[name][0].split(":")
    command = getattr(importlib.import_module(module), function)
    assert isinstance(command, click.Command)
    assert command.help
