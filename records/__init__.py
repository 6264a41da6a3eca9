"""Videos to faces to TFRecords to tf.data."""
