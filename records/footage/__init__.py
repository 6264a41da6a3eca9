"""Reads frames from videos, folders of numbered pictures and single pictures, and writes videos."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ahead": ["one_ahead"],
        "encoding": ["Encoding", "write_encoded", "write_video"],
        "errors": ["VideoError"],
        "folders": ["numbered"],
        "footage": [
            "Footage",
            "count_frames",
            "encoded",
            "frame_size",
            "info",
            "length",
            "read_frames",
            "same_size",
        ],
        "paths": ["PICTURES", "VIDEOS", "checked", "inside", "is_picture", "is_video", "printable"],
        "pictures": ["picture_format"],
        "quantizer": ["quantizer"],
        "redraw": ["redraw"],
        "seeking": ["SEEK_COST", "FrameTimes", "frame_times", "read_spaced"],
        "video": ["VideoInfo", "evenly_spaced", "read_picture"],
    },
)
