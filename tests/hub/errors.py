"""Refusals in the Hub's form: a status, and the headers from which the clients choose the class of their exception."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ApiError(Exception):
    """``code``: RepoNotFound, RevisionNotFound, EntryNotFound, GatedRepo or nothing; ``body``: more fields of JSON."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        headers: dict[str, str] | None = None,
        body: dict[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers, self.body = headers or {}, body or {}


async def answer_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    headers = error.headers | error_headers(error.message, error.code)
    return JSONResponse({"error": error.message} | error.body, error.status, headers)


def error_headers(message: str, code: str | None) -> dict[str, str]:
    """A header holds one line of Latin letters; names of files in a message may have others."""
    line = message.replace("\n", " ").encode("ascii", "replace").decode()
    return {"X-Error-Message": line} | ({"X-Error-Code": code} if code else {})
