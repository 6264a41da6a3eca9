"""Makes a data set in the layout of FaceForensics++ from nothing but faces."""
