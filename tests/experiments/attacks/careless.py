"""A reader of records with a planted fault, which the driver of attacks must find out."""

from experiments.attacks.on_records import RecordsTarget
from records.shards import reader


class Careless(RecordsTarget):
    """Records are read without a look at the shards' sizes and hashes."""

    def __init__(self, workspace, seed):
        super().__init__(workspace, seed)
        reader.check_shards = lambda *arguments: None
