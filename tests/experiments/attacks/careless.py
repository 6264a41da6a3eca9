"""A target without a check that the real reader of records has, which the attacks must detect."""

from experiments.attacks.on_records import RecordsTarget
from records.shards import reader


class Careless(RecordsTarget):
    """Reads records without comparing the sizes and hashes of their shards with the manifest."""

    def __init__(self, workspace, seed):
        super().__init__(workspace, seed)
        reader.check_shards = lambda *arguments: None
