"""How often the 95% intervals of few connected people cover the true AUC: percentiles against BCa.

    python -m experiments.benchmarks.coverage

Samples are drawn from a known model: each component of connected people has one real video and `--fakes` manipulated
ones of two frames each. A score is normal, with a part that the component shares and a part of the frame; manipulated
frames score higher by a shift. The true AUC is that of two frames of different components. An interval of 95% should
cover it in 95% of the samples.
"""

from __future__ import annotations

import click
import numpy as np
from scipy.stats import norm

FRAMES = 2
SHARED, OWN = 0.7, 0.7  # standard deviations of a component's part, for each class, and of a frame's


def sample(rng: np.random.Generator, components: int, fakes: int, shift: float) -> tuple[np.ndarray, ...]:
    """Labels, scores and components of one sample, each (components * (1 + fakes) * FRAMES,)."""
    labels = np.tile(np.repeat(np.arange(1 + fakes) > 0, FRAMES).astype(int), components)
    groups = np.repeat(np.arange(components), (1 + fakes) * FRAMES)
    shared = rng.normal(0, SHARED, (components, 2))[groups, labels]
    return labels, shift * labels + shared + rng.normal(0, OWN, len(labels)), groups


def covered(components: int, samples: int, fakes: int, shift: float, seed: int) -> dict[str, tuple[float, float]]:
    """Name of the interval -> share of the samples that it covers, and its mean width."""
    from tfafsr import metrics

    rng = np.random.default_rng(seed)
    truth = norm.cdf(shift / np.hypot(SHARED, OWN) / np.sqrt(2))
    found: dict[str, list] = {"percentile": [], "BCa": []}
    for _ in range(samples):
        drawn = sample(rng, components, fakes, shift)
        for name, rows in found.items():
            low, high = metrics.auc_interval(*drawn, bca=name == "BCa")
            rows.append((low <= truth <= high, high - low))
    return {name: tuple(np.mean(rows, axis=0).tolist()) for name, rows in found.items()}


@click.command(help=__doc__)
@click.option("--samples", type=click.IntRange(1), default=200, show_default=True, help="For each number and shift.")
@click.option("--fakes", type=click.IntRange(1), default=4, show_default=True, help="Manipulated videos a component.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def main(samples: int, fakes: int, seed: int) -> None:
    """Prints a row for each number of components and each true AUC."""
    for shift in (1.2, 2.3):
        truth = norm.cdf(shift / np.hypot(SHARED, OWN) / np.sqrt(2))
        for components in (7, 14, 29):
            rows = covered(components, samples, fakes, shift, seed)
            text = ", ".join(f"{name} {share:.1%} (mean width {width:.3f})" for name, (share, width) in rows.items())
            click.echo(f"true AUC {truth:.3f}, {components} components: covered by {text}")


if __name__ == "__main__":
    main()
