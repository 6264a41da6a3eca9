"""The paper's tables and the ablation: which runs they need, what is measured, and how it is written."""

from experiments.comparison.making import make
from experiments.comparison.plans import ablation, table

__all__ = ["ablation", "make", "table"]
