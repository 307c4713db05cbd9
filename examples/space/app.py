"""The page of `artsim app` as a Hugging Face Space: set its data set, and if you have them a model and a detector.

Settings of the Space (Settings, Variables), or of the shell:

    ARTSIM_DATASET    a data set that 'artsim publish' made, such as user/artsim
    ARTSIM_MODEL      a model that 'artsim train siamese --push' published; the bare encoder without
    ARTSIM_ENCODER    what turns an image into an embedding; lite without
    ARTSIM_DETECTOR   a folder of this Space that 'artsim train detector' made

All four may be missing: Compare and Make a variant work without any.
"""

from __future__ import annotations

import os

from artsim_dataset.app.data import Shown
from artsim_dataset.app.page import serve
from builder.single import GalleryLenders, SingleVariants


def setting(name: str) -> str | None:
    """A setting that is there and not empty."""
    return os.environ.get(name) or None


if __name__ == "__main__":
    shown = Shown(
        dataset=setting("ARTSIM_DATASET"),
        model=setting("ARTSIM_MODEL"),
        encoder=setting("ARTSIM_ENCODER") or "lite",
        detector=setting("ARTSIM_DETECTOR"),
        maker=lambda lenders: SingleVariants(lenders or GalleryLenders()),
    )
    # Spaces say where to listen.
    serve(
        shown,
        lambda address: print(address, flush=True),
        port=int(setting("GRADIO_SERVER_PORT") or 7860),
        host=setting("GRADIO_SERVER_NAME"),
    )
