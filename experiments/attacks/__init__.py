"""Attacks on the project's own readers: damaged records, hostile files and requests, each from a seed and a number."""
