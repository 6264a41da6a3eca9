"""A record is unchanged by serializing and parsing; a value that does not fit raises an error that names the field."""

import dataclasses
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from records.shards import schema

SIZE = 9
ROOT = Path(__file__).resolve().parents[3]


def an_example(**changes) -> schema.Example:
    rng = np.random.default_rng(0)

    def image(channels=3):
        return rng.integers(0, 256, (SIZE, SIZE, channels), dtype=np.uint8)

    values = {
        "frame": image(),
        "target": image(),
        "target_known": 1,
        "ela": image(),
        "mask": image(1),
        "mask_known": 0,
        "keypoints": rng.random((5, 2)).astype(np.float32),
        "label": 1,
        "dataset": "ffpp",
        "method": "Deepfakes",
        "compression": "c40",
        "split": "train",
        "video": "ffpp/Deepfakes/c40/000_003",
        "subjects": ["000", "003"],
        "frame_index": 7,
        "clip_position": 0,
        "box": np.array([-3, 4, 100, 107], np.float32),
    }
    return schema.Example(**{**values, **changes})


def as_python(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [text.decode() for text in value]
    return value


IMAGE = np.zeros((SIZE, SIZE, 3), np.uint8)
TABLE = [
    ("frame", IMAGE, None),
    ("frame", IMAGE.astype(np.float32), "frame must be uint8"),
    ("frame", IMAGE[..., :1], "frame must be uint8"),
    ("frame", "a string", "frame must be uint8"),
    ("target", np.zeros((SIZE + 1, SIZE + 1, 3), np.uint8), "target must be uint8"),
    ("target", np.zeros((SIZE, SIZE + 1, 3), np.uint8), "target must be uint8"),
    ("mask", np.full((SIZE, SIZE, 1), 255, np.uint8), None),
    ("mask", IMAGE, "mask must be uint8"),
    ("ela", None, "ela must be uint8"),
    ("keypoints", np.ones((5, 2), np.float32), None),
    ("keypoints", np.ones((4, 2), np.float32), "keypoints must be float32"),
    ("keypoints", np.full((5, 2), np.nan, np.float32), r"keypoints must lie in \[0, 1\]"),
    ("keypoints", np.full((5, 2), 1.01, np.float32), r"keypoints must lie in \[0, 1\]"),
    ("label", 0, None),
    ("label", 2, r"label must lie in \[0, 1\]"),
    ("label", 0.5, "label must be int64"),
    ("target_known", True, None),
    ("mask_known", -1, "mask_known must lie"),
    ("method", "Gesichtstausch-Ü", None),
    ("method", "", "method must be a string"),
    ("video", None, "video must be a string"),
    ("subjects", ["only one"], None),
    ("subjects", [], "subjects must be a list of strings"),
    ("subjects", "000", "subjects must be a list of strings"),
    ("subjects", ["000", 3], "subjects must be a list of strings"),
    ("frame_index", 2**40, None),
    ("frame_index", -1, "frame_index must lie"),
    ("box", np.zeros(4, np.float32), None),
    ("box", np.zeros(3, np.float32), "box must be float32"),
    ("box", np.full(4, np.inf, np.float32), "box must lie"),
]


@pytest.mark.parametrize(("name", "value", "error"), TABLE)
def test_round_trip(name, value, error):
    example = an_example(**{name: value})
    if error:
        with pytest.raises(schema.SchemaError, match=error):
            schema.serialize(example)
        return
    serialized = schema.serialize(example)
    decoded = schema.decode(serialized)
    parsed = schema.parse(tf.constant(serialized), SIZE)
    in_graph = next(iter(tf.data.Dataset.from_tensors(serialized).map(lambda bytes_: schema.parse(bytes_, SIZE))))
    for field in schema.FIELDS:
        expected = getattr(example, field.name)
        for other in (
            getattr(decoded, field.name),
            as_python(parsed[field.name].numpy()),
            as_python(in_graph[field.name].numpy()),
        ):
            np.testing.assert_array_equal(other, expected, err_msg=field.name)


def test_the_example_has_exactly_the_schemas_fields():
    assert [field.name for field in dataclasses.fields(schema.Example)] == [field.name for field in schema.FIELDS]


def test_images_have_static_shapes_in_a_graph():
    dataset = tf.data.Dataset.from_tensors(schema.serialize(an_example())).map(
        lambda bytes_: schema.parse(bytes_, SIZE)
    )
    spec = dataset.element_spec
    assert spec["frame"].shape == (SIZE, SIZE, 3)
    assert spec["mask"].shape == (SIZE, SIZE, 1)
    assert spec["keypoints"].shape == (5, 2)


def test_only_the_fields_wanted_are_parsed():
    assert set(schema.parse(tf.constant(schema.serialize(an_example())), SIZE, ("label", "ela"))) == {"label", "ela"}


def test_equal_examples_give_equal_bytes():
    assert schema.serialize(an_example()) == schema.serialize(an_example())


def test_another_size_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        schema.parse(tf.constant(schema.serialize(an_example())), SIZE + 1)


@pytest.mark.parametrize("cut", [1, 100, 1000])
def test_damaged_bytes_are_refused(cut):
    with pytest.raises(schema.SchemaError):
        schema.decode(schema.serialize(an_example())[:-cut])


def test_a_record_of_another_schema_names_what_it_lacks():
    with pytest.raises(schema.SchemaError, match="lacks frame, target"):
        schema.decode(tf.train.Example().SerializeToString())


def test_a_field_that_is_not_an_image_is_named():
    record = tf.train.Example.FromString(schema.serialize(an_example()))
    record.features.feature["ela"].bytes_list.value[0] = b"no png"
    with pytest.raises(schema.SchemaError, match="ela is not a PNG"):
        schema.decode(record.SerializeToString())


def test_the_documentation_holds_the_table_of_fields():
    assert schema.describe() in (ROOT / "docs" / "records.md").read_text()


def with_another_png(png):
    message = tf.train.Example.FromString(schema.serialize(an_example()))
    message.features.feature["frame"].bytes_list.value[0] = png
    return message.SerializeToString()


def png_of(height, width):
    return cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("png", "message"),
    [
        (png_of(8, schema.MAX_SIDE + 1), r"frame is 4097 x 8 pixels, more than 4096"),  # small files can be huge images
        (cv2.imencode(".jpg", IMAGE)[1].tobytes(), "frame is not a PNG image"),
        (png_of(SIZE, SIZE)[:40], "frame is a damaged PNG image"),
        (b"", "frame is not a PNG image"),
    ],
)
def test_a_huge_or_damaged_image_is_refused_before_it_is_decoded(png, message):
    with pytest.raises(schema.SchemaError, match=message):
        schema.decode(with_another_png(png))


@pytest.mark.parametrize("sides", [(SIZE, SIZE + 1), (SIZE + 1, SIZE), (8, schema.MAX_SIDE)])
def test_a_graph_checks_the_sides_before_it_decodes(sides):
    serialized = with_another_png(png_of(*sides))
    mapped = tf.data.Dataset.from_tensors(serialized).map(lambda bytes_: schema.parse(bytes_, SIZE))
    for parse in (lambda: schema.parse(tf.constant(serialized), SIZE), lambda: next(iter(mapped))):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"frame is not a PNG of {SIZE} x {SIZE} pixels"):
            parse()


FRAME = np.arange(3 * SIZE**2, dtype=np.uint8).reshape(SIZE, SIZE, 3)
OTHER_PIXELS = {
    "16 bits, colour type 2": FRAME.astype(np.uint16) * 256,
    "8 bits, colour type 0": FRAME[..., 0],
    "8 bits, colour type 6": np.dstack([FRAME, FRAME[..., 0]]),
}


def interlaced(png):
    """The PNG with a header that says so."""
    head = png[12:28] + b"\1"
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


@pytest.mark.parametrize("what", [*OTHER_PIXELS, "8 bits, colour type 3", "8 bits, colour type 2, interlaced"])
def test_a_png_of_other_bits_or_colours_is_refused(what):
    if what in OTHER_PIXELS:
        png = cv2.imencode(".png", OTHER_PIXELS[what])[1].tobytes()
    elif "interlaced" in what:
        png = interlaced(png_of(SIZE, SIZE))
    else:
        file = io.BytesIO()
        Image.fromarray(FRAME).quantize(64).save(file, "png", bits=8)
        png = file.getvalue()
    serialized = with_another_png(png)
    with pytest.raises(schema.SchemaError, match=f"frame is a PNG of {what}; 8 bits and colour type 2 are due"):
        schema.decode(serialized)
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"(?s)frame is not a PNG of .* 8 bits and 3 channel.*a\.tfr"
    ):
        schema.parse(tf.constant(serialized), SIZE, shard="a.tfrecord")


def test_an_image_larger_than_can_be_read_is_not_written():
    side = schema.MAX_SIDE + 1
    image = np.zeros((side, side, 3), np.uint8)
    with pytest.raises(schema.SchemaError, match="frame is 4097 pixels wide"):
        schema.serialize(an_example(frame=image))
