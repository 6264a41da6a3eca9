"""What a face is: error levels, crops, heat maps, MTCNN and tracks, in NumPy and OpenCV alone."""
