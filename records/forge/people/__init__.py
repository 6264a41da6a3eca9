"""The people in a forged data set: rendered ones, or those of photographs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "clips": ["FaceClip", "Faces", "PhotographedFaces", "RenderedFaces"],
        "finding": ["find_faces"],
        "identities": ["People", "find_people"],
        "person": ["Person", "make_person"],
        "photos": ["Photograph", "PhotoSkip", "fingerprint", "list_photographs", "read_photograph"],
        "rendered": ["draw"],
        "shape": ["Pose"],
    },
)
