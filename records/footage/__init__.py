"""Frames from files: videos, folders of pictures, pictures."""
