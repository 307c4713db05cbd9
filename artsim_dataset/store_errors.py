"""What the clients of object stores raise, as one sentence that names the object and the fix.

fsspec's clients turn some answers of a store into OSErrors and let the rest through as it comes from botocore or the
HTTP library below it. Here all of them become a ConfigError (a person has to do something), a StorageError (the same
command may succeed later), or FileNotFoundError. By class names and codes, so that no client has to be imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from artsim_dataset.errors import ArtsimError, ConfigError

_CLIENTS = frozenset(["aiobotocore", "aiohttp", "botocore", "fsspec", "gcsfs", "google", "s3fs"])
_CREDENTIALS = re.compile(r"Credential|ProfileNotFound|SSO|TokenRetrieval|DefaultCredentials")
_AGAIN = "run the same command again: it goes on from here"


class StorageError(ArtsimError):
    """An object store, or the way to it, did not do what it was asked, after all attempts."""


class Conflict(StorageError):
    """A write that was to happen only when nobody else wrote; somebody did."""


@contextmanager
def store_errors(where: object) -> Iterator[None]:
    """Within the block, errors of a store's client become ours, with ``where`` in them; all others pass unchanged."""
    try:
        yield
    except ArtsimError:
        raise
    except Exception as error:
        found = translated(error, str(where))
        if found is None:
            raise
        raise found from error


def translated(error: BaseException, where: str) -> Exception | None:
    """The error to raise instead; None for one that no client of a store made."""
    chain = list(_chain(error))
    for link in chain:
        answer = getattr(link, "response", None)
        if isinstance(answer, dict) and "Error" in answer:
            return _by_answer(answer, where)
    if isinstance(error, FileNotFoundError) and error.filename is None:  # else of a local file, or ours already
        return FileNotFoundError(2, "no such object", where)
    theirs = [link for link in chain if type(link).__module__.partition(".")[0] in _CLIENTS]
    if not theirs:
        return None
    named = next((link for link in theirs if _CREDENTIALS.search(type(link).__name__)), None)
    if named is not None:
        return ConfigError(
            f"there are no credentials for {where} ({_said(named)}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " or AWS_PROFILE; for gs:// run 'gcloud auth application-default login'"
        )
    status = getattr(theirs[0], "code", None) or getattr(theirs[0], "status", None)  # gcsfs
    if isinstance(status, int) or str(status).isdigit():
        return _by_status(int(str(status)), _said(theirs[0]), where)
    return StorageError(f"the connection to the store failed for {where} ({_said(theirs[0])}); {_AGAIN}")


def _by_answer(answer: dict[str, Any], where: str) -> Exception:
    code = str(answer["Error"].get("Code", ""))
    if code == "NoSuchBucket":
        bucket = where.partition("://")[2].partition("/")[0]
        return ConfigError(
            f"there is no bucket '{bucket}' for {where}: make it, or check its name and AWS_ENDPOINT_URL"
        )
    if code in ("ExpiredToken", "InvalidToken", "RequestTimeTooSkewed"):
        return ConfigError(f"the credentials for {where} do not hold any more ({code}): renew them, then {_AGAIN}")
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in ("SlowDown", "RequestTimeout", "InternalError"):
        status = 503
    return _by_status(status, code, where)


def _by_status(status: int, said: str, where: str) -> Exception:
    told = f"{status} {said}" if said and said != str(status) else str(status)
    if status == 404:
        return FileNotFoundError(2, "no such object", where)
    if status in (401, 403):
        return ConfigError(
            f"access to {where} is denied ({told}): check the credentials, and what they may do in this bucket"
        )
    if status in (409, 412):
        return Conflict(f"{where} was written by somebody else meanwhile ({told}); {_AGAIN}")
    if status == 501:
        return StorageError(f"the store cannot do what was asked at {where} ({told}): it has no conditional writes")
    if status == 429 or status >= 500:
        return StorageError(f"the store could not serve {where}, asked several times ({told}); later {_AGAIN}")
    return StorageError(f"the store refused a request for {where} ({told})")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, the outermost first."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _said(error: BaseException) -> str:
    """The first line of an error, without web addresses: those that are signed are nobody's business."""
    text = re.sub(r'\s*"?\bhttps?://\S+', "", str(error)).strip()
    return (text.splitlines() or [""])[0][:200].rstrip(" :") or type(error).__name__
