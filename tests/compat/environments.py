"""Throw-away environments with older versions of `datasets`: what is in them, and how they are made.

Each is a venv of its own with everything pinned, so that a release of some package cannot turn CI red. Below the
line they have today's pyarrow, numpy, pandas and Pillow: what a user gets who holds `datasets` back and nothing else.
An environment stays in ``.cache/compat`` and is made once; its name carries the digest of its pins.

From 2.19 on, versions before the newest ask the host datasets-server.<endpoint> as well, which our Hub has not, and try
again three times at each load: most of a minute for each in `make compat`, waiting and not computing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from hashlib import blake2b
from pathlib import Path

from filelock import FileLock

CACHE = Path(__file__).parents[2] / ".cache" / "compat"

EVERYWHERE = """
aiohappyeyeballs==2.7.1 aiohttp==3.14.5 aiosignal==1.4.0 attrs==26.1.0 certifi==2026.10.18 charset-normalizer==3.5.2
filelock==4.2.11 frozenlist==1.8.0 idna==3.20 multidict==7.2.1 numpy==2.4.6 packaging==26.3 pandas==3.1.1
pillow==13.0.0 propcache==0.5.4 pyarrow==26.0.1 python-dateutil==4.0.0 PyYAML==6.0.3 requests==2.34.2
tqdm==4.70.1 typing_extensions==4.16.0 tzdata==2026.6 urllib3==2.8.0 xxhash==4.1.0 yarl==1.25.1
"""
HUB_2 = (
    "huggingface_hub==2.4.0 anyio==4.16.0 click==8.5.1 h11==0.16.0 httpcore2==2.16.2 httpx2==2.16.2 truststore==0.10.5"
)
HUB_1 = "huggingface_hub==1.33.0 anyio==4.16.0 click==8.5.1 h11==0.16.0 httpcore==1.0.9 httpx==0.28.1 typer==0.29.2"

PINS = {
    "2.14.7": "huggingface_hub==0.36.2 dill==0.3.7 fsspec==2023.10.0 multiprocess==0.70.15 pyarrow-hotfix==0.7",
    "2.19.2": f"{HUB_2} dill==0.3.8 fsspec==2024.3.1 multiprocess==0.70.16 pyarrow-hotfix==0.7",
    "3.6.0": f"{HUB_2} dill==0.3.8 fsspec==2025.3.0 multiprocess==0.70.16",
    "4.8.5": f"{HUB_1} dill==0.4.1 fsspec==2026.2.0 multiprocess==0.70.19",
}
"""Version of `datasets` -> what it is installed with. What pip chose for each on 2026-11-22, without Xet."""

ALL = os.environ.get("ARTSIM_COMPAT") == "all"
"""Whether `make compat` is running, which has time for every version."""

OLDEST, NEWEST = "2.14.7", "5.2.0"
VERSIONS = (*PINS, NEWEST)
"""The newest is the environment that the tests run in (constraints.txt)."""


def python_with(version: str) -> Path:
    """The interpreter of the environment with this version of `datasets`, which is made when it is not there yet."""
    if version == NEWEST:
        return Path(sys.executable)
    pins = [f"datasets=={version}", *PINS[version].split(), *EVERYWHERE.split()]
    folder = CACHE / f"{version}-{blake2b(repr((sys.version, pins)).encode(), digest_size=4).hexdigest()}"
    python, done = folder / "bin" / "python", folder / "done"
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not done.is_file():
            venv.create(folder, clear=True)
            pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-compile"]
            ended = subprocess.run([*pip, *pins], capture_output=True, text=True)
            assert ended.returncode == 0, ended.stderr[-2000:]
            done.touch()  # last, so that its existence means that all is installed
    return python
