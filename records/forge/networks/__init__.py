"""Two networks that paint faces, trained on a data set's own faces: a face autoencoder and a mouth renderer.

Only the main process runs them, in `paint_networks`; worker processes read their pictures without TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "crops": ["SIDE", "crop_points", "face_crop", "paste_crop"],
        "guides": ["LIPS_AMOUNT"],
        "painted": ["Painted", "read_painted", "source_frame"],
        "stage": ["paint_networks"],
    },
)
