"""Discussions and pull requests: open, list, comment, close, merge."""

from __future__ import annotations

import difflib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.hub.access import Account
from tests.hub.errors import ApiError
from tests.hub.objects import File
from tests.hub.store import Discussion, Repo

if TYPE_CHECKING:
    from tests.hub.server import Hub

_LISTED = {"all": ("draft", "open", "closed", "merged"), "open": ("draft", "open"), "closed": ("closed", "merged")}


class Discussions:
    def __init__(self, hub: Hub) -> None:
        self.hub, self.directory = hub, hub.directory

    async def find(self, request: Request) -> Response:
        repo, query = self.directory.readable(request), request.query_params
        wanted = _LISTED[query.get("status", "all")]
        kinds = {"all": (True, False), "discussion": (False,), "pull_request": (True,)}[query.get("type", "all")]
        found = [
            discussion
            for discussion in reversed(repo.discussions)
            if discussion.status in wanted
            and (discussion.base is not None) in kinds
            and query.get("author", discussion.author) == discussion.author
        ]
        start = int(query.get("p", 0)) * self.hub.page_size
        page = [_summary(repo, discussion) for discussion in found[start : start + self.hub.page_size]]
        return JSONResponse({"discussions": page, "count": len(found), "start": start})

    async def create(self, request: Request) -> Response:
        repo, account, body = self.directory.readable(request), self.directory.known(request), await request.json()
        proposed = bool(body.get("pullRequest"))
        discussion = repo.open(body["title"], account.name, "draft" if proposed else "open", proposed)
        _add_event(discussion, account, "comment", _comment(body.get("description", "")))
        url = f"{self.hub.endpoint}{repo.url}/discussions/{discussion.num}"
        return JSONResponse({"num": discussion.num, "url": url, "pullRequest": proposed})

    async def details(self, request: Request) -> Response:
        repo = self.directory.readable(request)
        discussion = repo.discussion(request.path_params["num"])
        answer: dict[str, Any] = _summary(repo, discussion) | {"events": discussion.events}
        if discussion.base is not None:
            changes = {"base": "refs/heads/main", "mergeCommitId": discussion.merge_commit}
            conflicts = repo.conflicts(discussion) if discussion.status in ("draft", "open") else []
            answer |= {"changes": changes, "filesWithConflicts": conflicts, "diff": self._diff(repo, discussion)}
        return JSONResponse(answer)

    async def comment(self, request: Request) -> Response:
        repo, account, body = self.directory.readable(request), self.directory.known(request), await request.json()
        discussion = repo.discussion(request.path_params["num"])
        return JSONResponse({"newMessage": _add_event(discussion, account, "comment", _comment(body["comment"]))})

    async def status(self, request: Request) -> Response:
        repo, account, body = self.directory.writable(request), self.directory.known(request), await request.json()
        discussion = repo.discussion(request.path_params["num"])
        if discussion.status == "merged":
            raise ApiError(409, f"Discussion {discussion.num} is merged")
        discussion.status = body["status"]
        return JSONResponse({"newStatus": _add_event(discussion, account, "status-change", {"status": body["status"]})})

    async def merge(self, request: Request) -> Response:
        repo, account = self.directory.writable(request), self.directory.known(request)
        discussion = repo.discussion(request.path_params["num"])
        commit = repo.merge(discussion, account.name)
        _add_event(discussion, account, "status-change", {"status": "merged"})
        return JSONResponse({"mergeCommitId": commit.id})

    def _diff(self, repo: Repo, pull: Discussion) -> str:
        """The changes of a pull request as git prints them; of files in LFS, those of their pointers are not shown."""
        old, new = repo.files(pull.base or ""), repo.files(pull.ref)
        lines: list[str] = []
        for path in sorted({*old, *new}):
            if old.get(path) == new.get(path):
                continue
            before, after = (self._lines(tree.get(path)) for tree in (old, new))
            lines += [f"diff --git a/{path} b/{path}\n"]
            lines += difflib.unified_diff(before, after, f"a/{path}", f"b/{path}")
        return "".join(lines)

    def _lines(self, file: File | None) -> list[str]:
        text = "" if file is None or file.lfs else self.hub.objects.read(file).decode(errors="replace")
        return text.splitlines(keepends=True)


def _summary(repo: Repo, discussion: Discussion) -> dict[str, Any]:
    return {
        "num": discussion.num,
        "title": discussion.title,
        "author": {"name": discussion.author},
        "createdAt": _when(discussion.date),
        "status": discussion.status,
        "repo": {"name": repo.id, "type": repo.kind[:-1]},
        "isPullRequest": discussion.base is not None,
    }


def _comment(text: str) -> dict[str, Any]:
    return {"edited": False, "hidden": False, "latest": {"raw": text, "html": ""}}


def _add_event(discussion: Discussion, account: Account, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    event = {
        "id": f"{discussion.num:08x}{len(discussion.events):08x}",
        "type": kind,
        "createdAt": _when(datetime.now(UTC)),
        "author": {"name": account.name},
        "data": data,
    }
    discussion.events.append(event)
    return event


def _when(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def routes(hub: Hub) -> list[Route]:
    discussions = Discussions(hub)
    some = "/api/{kind:kind}/{owner}/{name}/discussions"
    return [
        Route(some, discussions.find),
        Route(some, discussions.create, methods=["POST"]),
        Route(some + "/{num:int}", discussions.details),
        Route(some + "/{num:int}/comment", discussions.comment, methods=["POST"]),
        Route(some + "/{num:int}/status", discussions.status, methods=["POST"]),
        Route(some + "/{num:int}/merge", discussions.merge, methods=["POST"]),
    ]
