"""The order of a training epoch: shuffled, with balanced classes, and cut into shares that several workers read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from records.errors import DataError
from records.places import Place
from records.shards import bursts
from records.shards.manifest import Manifest
from records.shards.reader import (
    REAL,
    ShardPart,
    checked_size,
    held,
    parsed_fields,
    serialized,
    several,
    shards_to_read,
)

SHUFFLE_BUFFER = 4096  # serialized examples in memory for each class; about 100 KB each at 225 pixels
Stream = tf.data.Dataset  # of what `reader.serialized` gives


@dataclasses.dataclass(frozen=True)
class Share:
    """What one of several workers reads of an epoch.

    The examples of each method are cut into `shares` equal parts, each of which is shuffled alone. The epoch takes
    the next examples of each share in turn: a real and a manipulated one with balanced classes, else one. A worker
    reads every `workers`-th share, so that all workers together read the same epoch, whatever their number is.

    Attributes:
        shares: number of parts; a multiple of `workers`.
        worker, workers: the number of this worker, from 0 on, and of all workers.
    """

    shares: int = 1
    worker: int = 0
    workers: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.worker < self.workers or self.shares < 1 or self.shares % self.workers:
            raise ValueError(f"shares must be a multiple of workers, and worker one of them; received {self}.")

    def own(self) -> range:
        """The numbers of the shares that this worker reads."""
        return range(self.worker, self.shares, self.workers)

    def position(self, index: tf.Tensor) -> tf.Tensor:
        """The position in the whole epoch of an element, or pair, with this index among the worker's own."""
        return index * self.workers + self.worker


WHOLE = Share()


def read_training(
    folders: Sequence[Place] | Place,
    split: str = "train",
    compressions: Sequence[str] = ("c40",),
    seed: int = 0,
    epoch: int = 0,
    balanced: bool = True,
    size: int | None = None,
    fields: Iterable[str] | None = None,
    shuffle_buffer: int = SHUFFLE_BUFFER,
    without: Sequence[str] = (),
    burst: int = 1,
    share: Share = WHOLE,
) -> tf.data.Dataset:
    """Reads the examples of one training epoch one by one, shuffled; there are as many as in the split.

    The order depends on (seed, epoch), the number of shares and TensorFlow's global seed alone, not on what was read
    before. With `balanced`, real and manipulated faces alternate, and the manipulated ones come from all methods in
    turn; the smaller class is repeated as often as needed, in another order each time.

    Args:
        folders: one folder of records, or several.
        split, compressions: which examples to read. A folder need not hold all of the compressions.
        seed, epoch: they decide the order.
        balanced: alternate real and manipulated faces; if False, every example comes once.
        size: side of the faces that the caller needs, to which larger ones are shrunk; None for that of the records.
        fields: names of the fields wanted; None for all.
        shuffle_buffer: examples of each class held in memory for shuffling.
        without: names of methods that are not read; the records need not hold them.
        burst: as in `read`; there are then as many bursts as the examples fill.
        share: which part of the epoch to read; all of it by default. Only the shards of that part are read.

    Raises:
        DataError: as in `read`; or, with `balanced`, a class without examples; or a method has fewer examples than
            there are shares.
    """
    folders = several(folders)
    manifests = [Manifest.load(folder) for folder in folders]
    sizes = {manifest.size for manifest in manifests}
    if len(sizes) > 1:
        raise DataError(f"The records hold faces of different sizes, {sorted(sizes)}; build them with one --size.")
    for folder, manifest in zip(folders, manifests, strict=True):
        bursts.check_bursts(folder, manifest, burst)
    size = checked_size(manifests[0], folders[0], size)
    shards: dict[str, list[ShardPart]] = {}
    for folder, manifest in zip(folders, manifests, strict=True):
        for compression in held(folder, split, compressions):
            for method, of_method in shards_to_read(manifest, folder, split, compression, without=without).items():
                shards.setdefault(method, []).extend(of_method)
    what = f"{split} split at {', '.join(compressions)}"
    for method, of_method in shards.items():
        if sum(_elements(shard, burst) for shard in of_method) < share.shares:
            raise DataError(
                f"The {what} holds too few faces of {method} to cut them into {share.shares} shares; give fewer "
                "--shares, or use fewer workers."
            )
    total = sum(shard.examples for of_method in shards.values() for shard in of_method) // burst
    buffer = -(-shuffle_buffer // (burst * share.shares))
    if balanced:
        shuffled = _balanced(shards, total, (seed, epoch), buffer, burst, share, what)
    else:
        every = [shard for method in sorted(shards) for shard in shards[method]]
        streams = [
            _shuffled(every, np.random.default_rng((seed, epoch)), 2 * buffer, burst, share, number)
            for number in share.own()
        ]
        shuffled = streams[0] if len(streams) == 1 else _in_turn(streams, stop_on_empty=False)
    return parsed_fields(shuffled, sizes.pop(), size, fields, burst)


def _balanced(
    shards: dict[str, list[ShardPart]],
    total: int,
    seed: tuple[int, int],
    buffer: int,
    burst: int,
    share: Share,
    what: str,
) -> Stream:
    """Real and manipulated elements in turn, `total` of them if all shares are read."""
    fakes = sorted(method for method in shards if method != REAL)
    if not fakes or REAL not in shards:
        raise DataError(f"The {what} holds no {'real' if fakes else 'manipulated'} faces; training needs both classes.")
    half = -(-total // 2)
    of_share = -(-half // share.shares)
    needed = {REAL: of_share, **dict.fromkeys(fakes, -(-of_share // len(fakes)))}
    buffers = {REAL: buffer, **dict.fromkeys(fakes, -(-buffer // len(fakes)))}
    pairs = []
    for number in share.own():
        rng = np.random.default_rng(seed)  # the same for each share: all cut the same order of the shards
        streams = {
            method: _repeated(shards[method], needed[method], rng, buffers[method], burst, share, number)
            for method in (REAL, *fakes)
        }
        pairs.append(_in_turn([streams[REAL], _in_turn([streams[method] for method in fakes])]))
    own = min(total, 2 * len(range(share.worker, half, share.workers)))
    if len(pairs) == 1:
        return pairs[0].take(own)
    return _in_turn([stream.batch(2) for stream in pairs]).unbatch().take(own)


def _repeated(
    shards: list[ShardPart],
    needed: int,
    rng: np.random.Generator,
    buffer: int,
    burst: int,
    share: Share,
    number: int,
) -> Stream:
    """At least `needed` elements of a share: it is read as often as that takes, each time in another order."""
    held = sum(_elements(shard, burst) for shard in shards) // share.shares  # or more
    passes = [_shuffled(shards, rng, buffer, burst, share, number) for _ in range(-(-needed // held))]
    stream = passes[0]
    for another in passes[1:]:
        stream = stream.concatenate(another)
    return stream


def _shuffled(
    shards: list[ShardPart], rng: np.random.Generator, buffer: int, burst: int, share: Share, number: int
) -> Stream:
    """The elements of one share, shuffled."""
    order = [shards[index] for index in rng.permutation(len(shards))]
    own = _cut(order, [_elements(shard, burst) for shard in order], share.shares, number)
    return serialized(own, burst).shuffle(buffer, seed=int(rng.integers(2**31)), reshuffle_each_iteration=False)


def _cut(shards: list[ShardPart], elements: list[int], shares: int, number: int) -> list[ShardPart]:
    """The parts of the shards that are the share `number`, when their elements are cut into equal ranges."""
    if shares == 1:
        return shards
    ends = np.cumsum(elements)
    each, rest = divmod(int(ends[-1]), shares)
    low, high = (edge * each + min(edge, rest) for edge in (number, number + 1))  # the first ones have one more
    parts = []
    for shard, length, end in zip(shards, elements, ends.tolist(), strict=True):
        first, last = max(low - (end - length), 0), min(high - (end - length), length)
        if first < last:  # the part at the end of a shard takes all that follow: bursts may be shorter, and so more
            parts.append(dataclasses.replace(shard, skip=first, take=-1 if last == length else last - first))
    return parts


def _elements(shard: ShardPart, burst: int) -> int:
    """The number of elements of a shard; of bursts there may be more, because some are shorter."""
    return max(1, shard.examples // burst)


def _in_turn(streams: list[Stream], stop_on_empty: bool = True) -> Stream:
    return tf.data.Dataset.choose_from_datasets(
        streams, tf.data.Dataset.range(len(streams)).repeat(), stop_on_empty_dataset=stop_on_empty
    )
