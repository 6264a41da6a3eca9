"""The command line: one command a file, each in the table of `main`. `options` makes options from dataclasses."""
