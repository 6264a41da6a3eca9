"""Benchmarks, which print ratios of measurements from one run."""
