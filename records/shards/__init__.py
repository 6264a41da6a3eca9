"""The format: fields, shards, manifest; writing and reading them."""
