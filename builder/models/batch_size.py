"""How many images at once: found by trying, since memory and speed differ with card, model, size and attention.

Batching helps a diffusion model little beyond the point where the GPU is full (about 1.6 times from 1 to 16 on an
A100), so the search stops as soon as twice as many images are hardly faster.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from builder.models.devices import free_memory, is_out_of_memory

LARGEST = 64
WORTH = 1.05
"""A batch twice as large must give this many times the images per second."""

logger = logging.getLogger(__name__)


def fastest_batch(trial: Callable[[int], None]) -> int:
    """The batch size that makes most images a second on this GPU. ``trial`` runs one batch of the given size."""
    size = search(trial)
    logger.info("batches of %d images, found by trying", size)
    return size


def search(trial: Callable[[int], None], clock: Callable[[], float] = time.perf_counter) -> int:
    """Doubles from 1 while it pays and fits; raises what ``trial`` raises when not even one image fits."""
    best, rate = 1, 0.0
    size = 1
    while size <= LARGEST:
        try:
            trial(size)  # warms up: kernels are chosen for this shape
            started = clock()
            trial(size)
            now = size / max(clock() - started, 1e-9)
            failed = False
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            failed = True
        if failed:  # outside of the handler: the exception's frames hold the tensors that do not fit
            free_memory()
            return best
        if now < rate * WORTH:
            return best
        best, rate = size, now
        size *= 2
    return best
