"""Uses all other packages: commands, training, evaluation, reports, audits of data, benchmarks, attacks."""
