"""After `import tfafsr` Keras loads a saved detector, and nothing is printed."""

import os
import subprocess
import sys

import keras
import pytest

from tfafsr.layers import PlattScaling


@pytest.mark.slow  # a process that loads TensorFlow
def test_a_users_program_needs_no_custom_objects(tmp_path):
    model = keras.Sequential([keras.Input((1,)), PlattScaling()])
    model.save(tmp_path / "model.keras")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("import tfafsr\n")  # sys.argv[0] is "-m", as for tfafsr's own
    (tmp_path / "package" / "part.py").write_text(
        "import keras\nprint(type(keras.models.load_model('model.keras').layers[-1]).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "package.part"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("PlattScaling\n", "")
