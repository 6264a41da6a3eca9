"""The format of records: fields, TFRecord shards and the manifest; writing and reading them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "bursts": ["PRESENT"],
        "damage": ["naming_the_shard"],
        "entries": ["ClipEntry", "ShardEntry", "SkipEntry", "SplitsOrigin"],
        "epoch": ["WHOLE", "Share", "read_training"],
        "manifest": ["MANIFEST_FILE", "Manifest", "verify"],
        "reader": ["PARALLEL_CALLS", "REAL", "count", "count_bursts", "held", "read"],
        "schema": [
            "DERIVED",
            "FIELDS",
            "SCHEMA_VERSION",
            "Example",
            "Field",
            "Png",
            "SchemaError",
            "decode",
            "describe",
            "parse",
            "serialize",
        ],
        "typed_json": ["from_json"],
        "writer": ["example_key", "write_file", "write_shards"],
    },
)
