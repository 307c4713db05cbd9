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
    headers = error.headers | {"X-Error-Message": error.message.replace("\n", " ")}
    if error.code:
        headers["X-Error-Code"] = error.code
    return JSONResponse({"error": error.message} | error.body, error.status, headers)
