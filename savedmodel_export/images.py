"""Decodes JPEG and PNG faces inside the graph, and refuses a bad image with a message that names its index."""

from __future__ import annotations

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import tensorflow as tf

IMAGE_BYTES = "image_bytes"
MAX_SIDE = 2048  # pixels; read from the header before anything is decoded
MAX_BYTES = 8 * 2**20  # of one encoded image
MAX_SCANS = 64  # of a JPEG; a small progressive file may hold thousands, each of which is a pass over all pixels
PARALLEL = 4  # images of a request decoded at the same time; each takes up to 64 MB
BROKEN = "is broken and cannot be decoded"
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_HEADER = 33  # bytes up to the end of the first chunk, which says width and height


def decode_faces(images: tf.Tensor, size: int) -> tf.Tensor:
    """Decodes square crops and resizes them as `faces.crop_square` does: by area to shrink, else bilinear.

    Args:
        images: string (N,), each a JPEG or PNG of at most MAX_SIDE x MAX_SIDE pixels; gray or transparent ones too.
        size: S, pixels.

    Returns:
        uint8 (N, S, S, 3) RGB.

    Raises (when the graph runs):
        InvalidArgumentError: an image cannot be used; the message names its index and the reason.
    """
    count = tf.size(images, out_type=tf.int64)

    def decode(index: tf.Tensor, data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return index, *_decode_face(data, size)

    # A graph cannot catch an error, but a data set can leave out the elements that raised one.
    data = tf.data.Dataset.from_tensor_slices((tf.range(count), images))
    data = data.map(decode, num_parallel_calls=PARALLEL, deterministic=True).ignore_errors()
    nothing = (tf.constant([-1], tf.int64), tf.constant([""]), tf.zeros((1, size, size, 3), tf.uint8))
    data = tf.data.Dataset.from_tensor_slices(nothing).concatenate(data).batch(count + 1)  # never empty
    index, reason, faces = (tensor[1:] for tensor in data.get_single_element())

    reasons = tf.tensor_scatter_nd_update(tf.fill([count], BROKEN), index[:, None], reason)
    bad = tf.not_equal(reasons, "")
    first = tf.argmax(tf.cast(bad, tf.int32))
    message = tf.strings.join([f"{IMAGE_BYTES}[", tf.strings.as_string(first), "] ", reasons[first]])
    check = tf.raw_ops.Assert(condition=tf.logical_not(tf.reduce_any(bad)), data=[message], summarize=1)
    with tf.control_dependencies([check]):
        return tf.ensure_shape(tf.identity(faces), (None, size, size, 3))


def _decode_face(data: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """(the reason why the image is refused, or ""; the face, uint8 (S, S, 3)); raises what a decoder raises."""
    length = tf.strings.length(data)
    jpeg = tf.equal(tf.strings.substr(data, 0, 3), b"\xff\xd8\xff")
    png = tf.equal(tf.strings.substr(data, 0, 8), PNG_START)
    png = tf.logical_and(png, length >= PNG_HEADER)
    unknown = tf.logical_not(tf.logical_or(jpeg, png))
    too_long = length > MAX_BYTES
    readable = tf.logical_not(tf.logical_or(unknown, too_long))
    no_size = tf.zeros((2,), tf.int32)
    jpeg_size = tf.cond(tf.logical_and(readable, jpeg), lambda: tf.io.extract_jpeg_shape(data)[:2], lambda: no_size)
    png_size = tf.cond(tf.logical_and(readable, png), lambda: _png_size(data), lambda: no_size)
    sides = jpeg_size + png_size  # height, width
    longer, shorter = tf.reduce_max(sides), tf.reduce_min(sides)
    scans = tf.cond(tf.logical_and(readable, jpeg), lambda: _scans(data), lambda: tf.constant(0))
    pixels = tf.strings.join(["is ", tf.strings.as_string(sides[1]), " x ", tf.strings.as_string(sides[0]), " pixels"])
    reason = tf.constant("")
    for wrong, text in (  # if several are true, the last one gives the reason
        (longer - shorter > tf.maximum(1, longer // 50), tf.strings.join([pixels, "; a square crop is needed"])),
        (scans > MAX_SCANS, f"is a JPEG of more than {MAX_SCANS} scans"),
        (
            tf.logical_or(longer > MAX_SIDE, shorter < 1),
            tf.strings.join([pixels, f"; 1 to {MAX_SIDE} a side are allowed"]),
        ),
        (too_long, f"has more than {MAX_BYTES} bytes"),
        (unknown, "is neither JPEG nor PNG"),
    ):
        reason = tf.where(wrong, text, reason)

    def decoded() -> tf.Tensor:
        # The accurate DCT is libjpeg's default; TensorFlow's default is the fast one.
        image = tf.cond(
            jpeg,
            lambda: tf.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE"),
            lambda: tf.io.decode_png(data, channels=3),
        )
        image = tf.cast(image, tf.float32)[None]
        shrinking = sides[0] > size
        image = tf.cond(
            shrinking,
            lambda: tf.image.resize(image, (size, size), "area"),
            lambda: tf.image.resize(image, (size, size), "bilinear"),
        )
        return tf.cast(tf.clip_by_value(tf.floor(image[0] + 0.5), 0.0, 255.0), tf.uint8)

    face = tf.cond(tf.equal(reason, ""), decoded, lambda: tf.zeros((size, size, 3), tf.uint8))
    return reason, tf.ensure_shape(face, (size, size, 3))


def _png_size(data: tf.Tensor) -> tf.Tensor:
    """Height and width from the header, int32 (2,); a side of 2^31 pixels or more becomes negative."""
    return tf.io.decode_raw(tf.strings.substr(data, 16, 8), tf.int32, little_endian=False)[::-1]


def _scans(data: tf.Tensor) -> tf.Tensor:
    """An upper bound of the number of scans of a JPEG: how often the bytes of the start-of-scan marker occur."""
    values = tf.io.decode_raw(data, tf.uint8)
    starts = tf.logical_and(tf.equal(values[:-1], 0xFF), tf.equal(values[1:], 0xDA))
    return tf.math.count_nonzero(starts, dtype=tf.int32)
