"""What happens to every clip, real or manipulated: motion, decoys, noise."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decoys": ["Decoy"],
        "motion": ["Expression", "align", "canvas_size", "clip_motion", "move", "moved_points", "warp_expression"],
        "noise": ["Camera"],
    },
)
