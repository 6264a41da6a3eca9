"""Builds TFRecords of faces from videos, and reads them as tf.data datasets."""
