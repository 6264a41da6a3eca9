"""A finished build that the tests of building and of sources share."""

import pytest
from click.testing import CliRunner

from experiments.cli.build import build
from tests.records.written import ARGUMENTS
from tests.shared import made_once


@pytest.fixture(scope="session")
def built_tree(tree, tmp_path_factory):
    """Records of `tree`, built in two processes by the command; tests that change them copy them first."""

    def make(out):
        arguments = ["--root", str(tree), "--out", str(out), "--workers", "2", *ARGUMENTS]
        result = CliRunner().invoke(build, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        assert "Content hash" in result.output

    return made_once(tmp_path_factory, "built", make)
