"""The detector on a device: needs ai-edge-litert, numpy and opencv-python-headless, and no TensorFlow."""
