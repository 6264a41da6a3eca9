"""What real and manipulated clips have in common: motion, decoys and sensor noise."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decoys": ["Decoy"],
        "motion": [
            "Expression",
            "align",
            "canvas_size",
            "clip_motion",
            "move",
            "moved",
            "moved_points",
            "warp_expression",
        ],
        "noise": ["Camera"],
    },
)
