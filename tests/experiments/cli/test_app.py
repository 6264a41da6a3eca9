"""The command `app`, in a process of its own."""

import os
import signal
import subprocess
import sys
import urllib.request

from tests.shared import free_port

MAIN = "from experiments.cli.main import main; main()"


def test_it_serves_at_its_port_until_it_is_ended_and_leaves_nothing(tmp_path):
    port = free_port()
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", MAIN, "app", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        address = process.stdout.readline().split()[0]
        assert address == f"http://127.0.0.1:{port}/"
        answer = urllib.request.urlopen(address, timeout=30)
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        busy = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert busy.returncode == 1
        assert "Give another --port." in busy.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert not list(tmp_path.glob("tfafsr-*"))


def test_without_gradio_it_says_what_to_install():
    hide = "import importlib.util as u; find = u.find_spec; u.find_spec = lambda name: name != 'gradio' and find(name)"
    program = f"from experiments.cli.main import main; {hide}; main()"
    done = subprocess.run([sys.executable, "-c", program, "app"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install 'tfafsr[app]'" in done.stderr
