"""On two replicas a loss, its gradient and the batch statistics are those of the whole batch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tfafsr import replicas

PROGRAM = Path(__file__).with_name("two_replicas.py")


@pytest.fixture(scope="module")
def differences():
    """Relative differences between two replicas and one device, by what was computed."""
    done = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_everything_is_that_of_the_whole_batch(differences):
    assert len(differences) == 8
    assert {name: value for name, value in differences.items() if not value < 1e-4} == {}


def test_one_device_changes_nothing():
    value = tf.constant([1.0, 2.0])
    assert replicas.count() == 1
    assert replicas.total(value) is value
    assert replicas.gathered(value) is value
    assert replicas.finite_on_all(gradients := [value]) is gradients
