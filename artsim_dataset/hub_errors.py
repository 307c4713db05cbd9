"""What the Hub's clients raise, as one sentence that names the repository and the fix.

`huggingface_hub` and `datasets` raise some forty kinds of errors, several of them wrapped in a RuntimeError or a
ValueError that hides the status, with addresses in their text that are signed and nobody's business. Here all of them
become :class:`HubError` (or ConfigError, where another command is needed), by status and not by class: old and new
clients use different HTTP libraries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from artsim_dataset.errors import ArtsimError, ConfigError

PASSING = frozenset([408, 429, 500, 502, 503, 504])
"""Statuses that another try may cure."""

CONFLICT = frozenset([409, 412])
"""Somebody else changed the repository since it was read."""

_NETWORK = frozenset(["aiohttp", "httpcore", "httpx", "httpx2", "requests", "urllib3"])
_QUOTA = re.compile(r"quota|storage limit|limit reached|storage space|insufficient storage|payment required", re.I)
_AGAIN = "run the same command again: what has arrived is kept"


class HubError(ArtsimError):
    """The Hub, or the way to it, did not do what it was asked.

    ``status`` is that of its answer, None when there was none; ``retry_after`` the seconds that it asked to wait;
    ``passing`` says whether the same request may succeed later.
    """

    def __init__(self, message: str, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        return self.status is None or self.status in PASSING

    def __reduce__(self) -> tuple[type[HubError], tuple[str, int | None, float | None]]:
        return type(self), (str(self), self.status, self.retry_after)


@contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Within the block, errors of the Hub's clients are raised as HubError or ConfigError that names ``repo``.

    What is no error of theirs passes unchanged::

        with hub_errors("user/artsim"):
            HfApi().create_repo("user/artsim", repo_type="dataset")
    """
    try:
        yield
    except ArtsimError:
        raise
    except Exception as error:
        found = translated(error, repo)
        if found is None:
            raise
        raise found from error


def translated(error: BaseException, repo: str) -> ArtsimError | None:
    """The sentence for an error of the Hub's clients, or for the one below it that caused it; None for any other."""
    for cause in _chain(error):
        found = _one(cause, repo)
        if found is not None:
            return found
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the outermost first."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _one(error: BaseException, repo: str) -> ArtsimError | None:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "OfflineModeIsEnabled" in kinds:
        return ConfigError(f"{repo} cannot be reached while HF_HUB_OFFLINE is set: unset it, then run this again")
    if "HFValidationError" in kinds:
        return ConfigError(f"'{repo}' cannot be the name of a repository: {_first_line(str(error))}")
    if "LocalTokenNotFoundError" in kinds:
        return ConfigError(f"there is no token for the Hub: 'hf auth login' stores one; {repo} needs write access")
    response = getattr(error, "response", None)
    if response is not None and isinstance(getattr(response, "status_code", None), int):
        return _by_status(error, response, repo)
    if isinstance(error, ValueError) and "LFS batch API returned errors" in str(error):
        return _by_text(str(error).split("`", 1)[-1], repo, None)
    if type(error).__module__.partition(".")[0] in _NETWORK or isinstance(error, ConnectionError | TimeoutError):
        reason = _first_line(str(error)) or type(error).__name__
        return HubError(f"the connection to the Hub failed for {repo} ({reason}); {_AGAIN}")
    return None


def _by_status(error: BaseException, response: Any, repo: str) -> ArtsimError:
    status: int = response.status_code
    said = _first_line(str(getattr(error, "server_message", None) or ""))
    told = f": {said}" if said else ""
    if status in (402, 413, 507) or (status in (400, 403, 409, 422) and _QUOTA.search(said)):
        return _by_text(said, repo, status)
    if status == 401:
        return ConfigError(
            f"the Hub does not know your token, or there is none, so {repo} is closed to you (401{told}): "
            "'hf auth login' stores one, and HF_TOKEN goes before it"
        )
    if status == 403:
        return ConfigError(
            f"your token may not do this to {repo} (403{told}): take one with write access to it, or a repository "
            "of your own"
        )
    if status == 404:
        return HubError(f"the Hub knows nothing of {repo} that this token may see (404{told}): check the name", 404)
    if status in CONFLICT:
        return HubError(f"{repo} was changed by somebody else meanwhile ({status}{told}); {_AGAIN}", status)
    if status == 429:
        wait = retry_after(response)
        fix = "wait a while" if wait is None else f"wait {wait:.0f} s"
        return HubError(f"the Hub has had too many requests from you (429, {repo}); {fix}, then {_AGAIN}", 429, wait)
    if status in PASSING:
        text = f"the Hub has a fault of its own ({status}{told}) with {repo}; later {_AGAIN}"
        return HubError(text, status, retry_after(response))
    return HubError(f"the Hub refused a request for {repo} ({status}{told})", status)


def _by_text(said: str, repo: str, status: int | None) -> HubError:
    """Errors that are known by their text only: no room, mostly."""
    said = _first_line(said.rstrip("`\n "))
    if status in (402, 413, 507) or _QUOTA.search(said):
        told = f": {said}" if said else ""
        text = f"there is no room for {repo} on your account{told}; free some or take a larger plan, then {_AGAIN}"
        return HubError(text, status or 507)
    return HubError(f"the Hub refused a file for {repo} ({said})", status or 422)


def retry_after(response: Any) -> float | None:
    """Seconds that an answer asks to wait, by Retry-After or the RateLimit header; None when it does not say."""
    stated = str(response.headers.get("retry-after") or "")
    if re.fullmatch(r"\d+(\.\d+)?", stated):
        return float(stated)
    limit = re.search(r"\bt=(\d+)", str(response.headers.get("ratelimit") or ""))
    return float(limit[1]) if limit else None


def _first_line(text: str) -> str:
    """The first line that says something, without web addresses: those of uploads are signed."""
    lines = (re.sub(r"\s*\bhttps?://\S+", "", line).strip(" .:") for line in text.splitlines())
    return next((line for line in lines if line), "")[:200]
