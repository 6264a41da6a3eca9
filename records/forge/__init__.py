"""Makes a data set like FaceForensics++ from rendered faces or from photographs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dataset": ["forge_dataset"],
        "layouts": ["arrange"],
        "options": ["CRF", "LAYOUTS", "RENDERED", "V3", "ForgeOptions"],
    },
)
