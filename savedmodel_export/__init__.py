"""Exports a trained detector as SavedModel, as LiteRT file or as bundle for a device, and verifies the exports.

Importing this package does not load TensorFlow; the first function that needs it does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "client": ["GrpcClient", "RestClient", "ServingError"],
        "edge": ["converted_mtcnn", "export_edge"],
        "exported": ["Exported", "open_exported"],
        "forms": ["FORMS", "QUANTIZE", "SAVED_MODEL"],
        "graph": ["Batching"],
        "model": ["describe"],
        "saved_model": ["export_saved_model", "load_saved_model"],
        "tflite": ["convert", "export_tflite"],
        "verify": ["LabelledFaces", "verify_exported"],
    },
)
