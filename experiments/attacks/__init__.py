"""Attacks on the project's readers: damaged records, hostile files and bad requests, each made from a seed."""
