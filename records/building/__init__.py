"""From clips to examples to shards."""
