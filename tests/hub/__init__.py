"""A Hub of our own: a small server that the real `huggingface_hub` and `datasets` clients take for the Hub.

Why: publishing, loading and pushing are only tested when the clients that users have do the talking, and the Hub
itself can neither be reached by CI nor be made to fail. Nothing of the clients is patched; they are sent here by
HF_ENDPOINT, and upload by LFS since Xet, which needs a storage service of its own, is off (HF_HUB_DISABLE_XET=1).

    with Hub() as hub:
        subprocess.run(["artsim", "publish", "DIR", "--repo", "user/artsim"], env=hub.env, check=True)
        hub.repos["datasets/user/artsim"].files("main")          # what was published
        sum(request.received for request in hub.requests)       # bytes that were sent
        hub.fault = lambda request: refuse(429, retry_after=1) if request.seen == 0 else None

Two ways to use it, since the clients read HF_ENDPOINT once, when they are imported:

* **A subprocess** with ``env=hub.env``: the way of a user. ``load_dataset``, ``hf://`` paths, transformers and
  sentence-transformers have no other way to another endpoint.
* **In this process**, only what takes an endpoint: ``HfApi(endpoint=hub.endpoint, token=hub.token)`` (``hub.api()``)
  and ``HfFileSystem(endpoint=..., token=...)``. The conftest of the tests has switched Xet off before any import.

The fixture ``hub`` gives a fresh one. By hand: ``python -m tests.hub --port 8700``.
"""

from tests.hub.faults import Fault, Request, cut_answer, cut_upload, refuse, slow
from tests.hub.server import Hub
from tests.hub.store import Discussion, Repo

__all__ = ["Discussion", "Fault", "Hub", "Repo", "Request", "cut_answer", "cut_upload", "refuse", "slow"]
