"""Bursts: neighbouring frames of a video, which the writer put one behind the other, as one element of a dataset."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from records.errors import DataError
from records.places import Place
from records.shards.manifest import Manifest

PRESENT = "present"
"""The field that bursts have beside those of an example: bool (n,), False for a frame that repeats the one before."""
_KEYS = 2**62


def check_bursts(folder: Place, manifest: Manifest, frames: int) -> None:
    """Raises `DataError` if the records' bursts are shorter than `frames`."""
    held = manifest.options.get("burst", 1)
    if not isinstance(held, int) or held < frames:
        raise DataError(
            f"{folder} holds bursts of {held}, and the method reads {frames} neighbouring frames together; build with "
            f"--burst {frames}."
        )


def grouped(records: tf.data.Dataset, frames: int) -> tf.data.Dataset:
    """The serialized examples of a shard as bursts of at most `frames`, string (n,) each, in the shard's order.

    Longer bursts are cut. A frame without a face is missing, so that a burst may be shorter.
    """

    def key(record: tf.Tensor) -> tf.Tensor:
        names = {"video": tf.string, "frame_index": tf.int64, "clip_position": tf.int64}
        specs = {name: tf.io.FixedLenFeature((), kind) for name, kind in names.items()}
        found = tf.io.parse_single_example(record, specs)
        first = found["frame_index"] - found["clip_position"]
        number = tf.strings.as_string(tf.stack([first, found["clip_position"] // frames]))
        name = tf.strings.reduce_join(tf.concat([[found["video"]], number], 0), separator="#")
        return tf.strings.to_hash_bucket_fast(name, _KEYS)

    return records.group_by_window(key, lambda _, window: window.batch(frames), window_size=frames)


def parsed(records: tf.Tensor, frames: int, parse: Callable[[tf.Tensor], dict[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """The fields of a burst, each with a first dimension of `frames`, and `PRESENT`.

    Args:
        records: serialized examples, string (n,), 1 <= n <= frames. The last one is repeated.
        frames: number of frames.
        parse: the function that parses one of them.
    """
    count = tf.size(records)
    found = [parse(records[tf.minimum(index, count - 1)]) for index in range(frames)]
    fields = {name: tf.stack([one[name] for one in found]) for name in found[0]}
    return {**fields, PRESENT: tf.range(frames) < count}
