"""A trained detector as SavedModel and LiteRT file."""
