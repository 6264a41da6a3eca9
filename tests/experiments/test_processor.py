"""The processor's flags say whether bfloat16 is fast."""

import pytest

from experiments.processor import bfloat16_is_fast


@pytest.mark.parametrize(
    ("content", "fast"),
    [
        ("flags\t\t: fpu sse avx2 avx512f\n", False),
        ("flags\t\t: fpu sse avx2 avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("Features\t: fp asimd\n", False),
        ("processor\t: 0\n", True),
    ],
)
def test_the_flags_decide(tmp_path, content, fast):
    (tmp_path / "cpuinfo").write_text(content)
    assert bfloat16_is_fast(tmp_path / "cpuinfo") is fast


def test_a_system_that_does_not_say_is_trusted(tmp_path):
    assert bfloat16_is_fast(tmp_path / "missing")
