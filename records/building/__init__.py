"""Builds records: finds faces in clips, makes examples and writes them into shards."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "beam": ["RUNNERS", "on_beam"],
        "build": ["build_part", "build_records"],
        "detection": ["face_detector", "mtcnn_networks"],
        "examples": ["BuiltClip", "build_group"],
        "groups": ["ClipGroup", "group_clips"],
        "masks": ["THRESHOLD", "difference_mask"],
        "options": ["BuildOptions"],
        "parts": ["PARTS", "finished_parts"],
        "workers": ["in_processes", "one_thread"],
    },
)
