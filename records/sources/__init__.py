"""One file a data set: a folder becomes clips."""
