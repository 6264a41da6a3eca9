"""Importing the package does not load TensorFlow, and its modules follow the import rules."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import savedmodel_export

FOLDER = Path(savedmodel_export.__file__).parent
MODULES = sorted(path for path in FOLDER.rglob("*.py"))


def imported(path):
    """The modules that a file imports, in order; relative ones with their dots."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = []
    for node in sorted(nodes, key=lambda node: node.lineno):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        else:
            names.append("." * node.level + (node.module or ""))
    return names


def test_importing_the_package_loads_no_tensorflow():
    program = "import sys, savedmodel_export as s; s.QUANTIZE; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=FOLDER.parent)


def test_every_export_is_there():
    for name in savedmodel_export.__all__:
        assert getattr(savedmodel_export, name) is not None
        assert name not in {path.stem for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_tfafsr_comes_before_tensorflow_and_of_records_only_two_modules(path):
    names = imported(path)
    for heavy in ("tensorflow", "tensorflow_serving.apis"):
        if heavy in names:
            assert names.index("tfafsr") < names.index(heavy)
    records = {name for name in names if name.split(".")[0] == "records"}
    assert records <= {"records.errors", "records.atomic"}
