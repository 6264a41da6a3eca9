"""Judging data: what is there, what betrays the label, what leaks between splits."""
