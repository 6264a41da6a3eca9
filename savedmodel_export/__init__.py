"""A trained detector as SavedModel and LiteRT file."""

import tfafsr  # noqa: F401  first: it keeps TensorFlow's start-up notes off the screen
