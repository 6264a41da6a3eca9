"""Attacks the project's readers and lists the faults that it finds: `python -m experiments.attacks --seed 0`.

An attack depends on the seed and its number alone; `--only records:17` repeats one. The exit status is 1 if there is a
finding.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections import Counter
from pathlib import Path

import click

from experiments.attacks.child import run_attacks
from experiments.attacks.outcomes import FINDINGS, Verdict
from records.atomic import write_json
from records.progress import progress

TARGETS = {
    "records": "experiments.attacks.on_records:RecordsTarget",
    "files": "experiments.attacks.on_files:FilesTarget",
    "requests": "experiments.attacks.on_requests:RequestsTarget",
}


@click.command(help=__doc__)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of all attacks.")
@click.option("--records", type=click.IntRange(0), default=300, show_default=True, help="Damaged records.")
@click.option("--files", type=click.IntRange(0), default=200, show_default=True, help="Hostile files.")
@click.option("--requests", type=click.IntRange(0), default=300, show_default=True, help="Requests to a SavedModel.")
@click.option("--only", multiple=True, metavar="KIND:NUMBER", help="Run this attack alone; may be given several times.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write every outcome as JSON.")
@click.pass_context
def main(
    context: click.Context, seed: int, records: int, files: int, requests: int, only: tuple[str, ...], out: Path | None
) -> None:
    """Run the attacks and print a summary and every finding."""
    plan = {"records": range(records), "files": range(files), "requests": range(requests)}
    outcomes = attack_all(seed, _only(only) if only else plan)
    for line in in_words(seed, outcomes):
        click.echo(line)
    if out:
        found = [{"kind": kind, "number": number, **dataclasses.asdict(verdict)} for kind, number, verdict in outcomes]
        write_json(out, {"seed": seed, "outcomes": found})
    context.exit(int(any(verdict.finding for *_, verdict in outcomes)))


def attack_all(
    seed: int, plan: dict[str, range | list[int]], targets: dict[str, str] = TARGETS
) -> list[tuple[str, int, Verdict]]:
    """Runs the attacks of a plan, kind -> numbers; returns (kind, number, verdict) of each."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        for kind, numbers in plan.items():
            verdicts = run_attacks(targets[kind], Path(folder, kind), seed, numbers) if numbers else ()
            for number, verdict in progress(verdicts, len(numbers), f"attacking with {kind}"):
                outcomes.append((kind, number, verdict))
    return outcomes


def in_words(seed: int, outcomes: list[tuple[str, int, Verdict]]) -> list[str]:
    """The summary: a line for each kind of attack; for each finding the attack, how to repeat it, and its details."""
    lines = []
    for kind in dict.fromkeys(kind for kind, *_ in outcomes):
        counts = Counter(verdict.result for one, _, verdict in outcomes if one == kind)
        listed = ", ".join(f"{number} {result}" for result, number in counts.most_common())
        lines.append(f"{kind}: {counts.total()} attacks: {listed}.")
    for kind, number, verdict in outcomes:
        if verdict.finding:
            lines += [
                f"{verdict.result.upper()} ({FINDINGS[verdict.result]}): {verdict.attack}",
                f"  python -m experiments.attacks --seed {seed} --only {kind}:{number}",
                *(f"  {line}" for line in verdict.detail.strip().splitlines()[-6:]),
            ]
    findings = sum(verdict.finding for *_, verdict in outcomes)
    return [*lines, f"{findings} findings in {len(outcomes)} attacks."]


def _only(names: tuple[str, ...]) -> dict[str, list[int]]:
    plan: dict[str, list[int]] = {}
    for name in names:
        match = re.fullmatch(rf"({'|'.join(TARGETS)}):(\d+)", name)
        if match is None:
            raise click.BadParameter(f"{name!r} is not of the form {'|'.join(TARGETS)}:NUMBER.", param_hint="--only")
        plan.setdefault(match[1], []).append(int(match[2]))
    return plan


if __name__ == "__main__":
    main()
