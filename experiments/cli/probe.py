"""The command `probe`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow


@command()
@click.argument("root", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--compression", default="c40", show_default=True, help="Compression of the measured clips.")
@click.option(
    "--frames", default=4, show_default=True, type=click.IntRange(1), help="Frames that are measured in every clip."
)
@click.option(
    "--identities",
    default=300,
    show_default=True,
    type=click.IntRange(2),
    help="Identities that are measured, at most.",
)
@click.option(
    "--steps", default=100, show_default=True, type=click.IntRange(1), help="Training batches of each network."
)
@click.option("--seed", default=0, show_default=True, type=int, help="Seed of the bootstrap and the networks.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON instead of a table.")
def probe(root: Path, compression: str, frames: int, identities: int, steps: int, seed: int, as_json: bool) -> None:
    """Check whether anything but the manipulation reveals the labels of the forged data set in ROOT.

    Writes ROOT/probe.json and ROOT/probe.txt, and prints the latter.
    """
    load_tensorflow()
    from experiments.audit import probe as audit

    found = audit.report(root, compression=compression, seed=seed, frames=frames, identities=identities, steps=steps)
    click.echo(json.dumps(found, indent=2) if as_json else audit.readable(found))
