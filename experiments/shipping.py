"""Makes what ships beside the weights, so that `tfafsr detect` needs no TensorFlow: their .tflite form, and MTCNN's.

    python -m experiments.shipping

Run it after a new file of weights was copied into tfafsr/shipped/.
"""

from __future__ import annotations

from pathlib import Path

import click

from experiments.detection import DEFAULT, shipped
from records.atomic import atomic_file
from records.building import mtcnn_networks
from savedmodel_export import converted_mtcnn, export_tflite
from tfafsr.weights import read_weights

FORM = "float16"  # exact: the weights are stored in float16


def write_shipped(folder: Path) -> None:
    """Writes the files into a folder.

    Args:
        folder: for `photos-1-tiny.tflite` and `mtcnn/*.tflite`.
    """
    export_tflite(read_weights(DEFAULT).detector(), folder / f"{DEFAULT}.tflite", FORM, explain=True)
    (folder / "mtcnn").mkdir(exist_ok=True)
    for name, content in converted_mtcnn(mtcnn_networks()).items():
        with atomic_file(folder / "mtcnn" / name) as file:
            file.write_bytes(content)


@click.command()
def main() -> None:
    """Make the files in tfafsr/shipped/ that are derived from others."""
    write_shipped(shipped())
    for file in sorted(shipped().rglob("*.tflite")):
        click.echo(f"{file.relative_to(shipped())}: {file.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
