"""The command `inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FILE, FOLDER


@command()
@click.argument("records", nargs=-1, required=True, type=FOLDER)
@click.option("--png", type=FILE, help="Draw a contact sheet into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option(
    "--verify", "check_shards", is_flag=True, help="Read every shard and compare its hash with the manifest's."
)
@click.option(
    "--leaks",
    "check_frames",
    is_flag=True,
    help="Look for near-duplicate frames in two splits, too; any leak gives status 1.",
)
@click.pass_context
def inspect(
    context: click.Context,
    records: tuple[Path, ...],
    png: Path | None,
    as_json: bool,
    check_shards: bool,
    check_frames: bool,
) -> None:
    """Report what records hold and whether their splits leak, and draw a contact sheet.

    Several folders are treated as one data set: the splits of all are compared with each other.
    """
    if png and len(records) > 1:
        raise click.UsageError("--png draws one folder of records.")

    load_tensorflow()
    from experiments.audit import contact_sheet, inspection, leaks
    from records.shards import Manifest, verify

    manifests = {folder: Manifest.load(folder) for folder in records}
    for folder in records if check_shards else ():
        verify(folder)
    found = leaks.in_two_splits(list(manifests.values()))
    if not as_json:
        for folder, manifest in manifests.items():
            inspection.print_summary(manifest, folder, check_shards)
    if check_frames:
        found["frames"] = leaks.near_duplicates(list(manifests))
    if as_json:
        values = {str(folder): inspection.summary(manifest) for folder, manifest in manifests.items()}
        values = {"folders": values} if len(values) > 1 else next(iter(values.values()))
        click.echo(json.dumps(values | {"leaks": found}, indent=2, sort_keys=True))
    else:
        inspection.print_leaks(found)
    if png:
        contact_sheet.write_png(png, contact_sheet.contact_sheet(records[0]))
        click.echo(f"Written: {png}", err=as_json)
    if check_frames and (found["subjects"] or found["videos"] or found["frames"]["pairs"]):
        context.exit(1)
