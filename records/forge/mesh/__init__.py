"""The mesh of a face: points on outline, brows, eyes, nose and lips, and what is computed from them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "expression": ["carried_expression"],
        "face": ["Face"],
        "hulls": ["Hull"],
        "landmarks": ["MeshError", "find_mesh", "head_pose"],
        "topology": ["MEDIAPIPE", "RENDERED", "Topology"],
        "warp": ["triangulate", "warp_mesh"],
    },
)
