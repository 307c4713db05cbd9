"""What a repository holds: listings, and the files themselves, whole or in ranges."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, unquote, urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.hub.errors import ApiError
from tests.hub.objects import Commit, File, folder_oids
from tests.hub.store import Repo

if TYPE_CHECKING:
    from tests.hub.server import Hub


class Files:
    def __init__(self, hub: Hub) -> None:
        self.hub, self.directory = hub, hub.directory

    async def tree(self, request: Request) -> Response:
        """The entries of a folder, or of all below it: folders first come first, by path, a page at a time."""
        repo, query = self.directory.open(request), request.query_params
        revision, folder = unquote(request.path_params["revision"]), unquote(request.path_params.get("path", ""))
        commit = repo.commit(revision)
        folders = folder_oids(commit.tree)
        if folder not in folders:
            raise ApiError(404, f'{folder} does not exist on "{revision}"', "EntryNotFound")
        paths: Iterable[str] = [p for p in (*folders, *commit.tree) if p and (not folder or p.startswith(f"{folder}/"))]
        if query.get("recursive", "").lower() not in ("true", "1"):
            paths = [path for path in paths if path.rpartition("/")[0] == folder]
        rest = sorted(path for path in paths if path > query.get("cursor", ""))
        page = rest[: self.hub.page_size]
        headers = {}
        if len(rest) > len(page):
            url = f"{self.hub.endpoint}{request.url.path}?{urlencode(dict(query) | {'cursor': page[-1]})}"
            headers["Link"] = f'<{url}>; rel="next"'
        expand = query.get("expand", "").lower() in ("true", "1")
        return JSONResponse([_entry(repo, commit, folders, path, expand) for path in page], headers=headers)

    async def paths_info(self, request: Request) -> Response:
        repo = self.directory.open(request)
        commit = repo.commit(unquote(request.path_params["revision"]))
        form = parse_qs((await request.body()).decode())
        paths, expand = form.get("paths", []), form.get("expand", [""])[0].lower() in ("true", "1")
        folders = folder_oids(commit.tree)
        known = [path for path in paths if path in commit.tree or path in folders and path]
        return JSONResponse([_entry(repo, commit, folders, path, expand) for path in known])

    async def resolve(self, request: Request) -> Response:
        repo = self.directory.open(request)
        revision, path = unquote(request.path_params["revision"]), unquote(request.path_params["path"])
        if revision == "refs":  # an unquoted refs/pr/N or refs/convert/NAME
            kind, name, path = path.split("/", 2)
            revision = f"refs/{kind}/{name}"
        commit = repo.commit(revision)
        file = commit.tree.get(path)
        headers = {"X-Repo-Commit": commit.id}
        if file is None:
            raise ApiError(404, "Entry not found", "EntryNotFound", headers)
        name = path.rpartition("/")[2]
        headers["Content-Disposition"] = f"inline; filename*=UTF-8''{quote(name)}; filename=\"{quote(name)}\";"
        if file.lfs is None:
            return FileResponse(self.hub.objects.path(file), headers=headers | {"ETag": f'"{file.oid}"'})
        headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{file.lfs}"'}
        url = f"{self.hub.storage}/cdn/{file.lfs}?{urlencode({'signature': self._sign(file.lfs), 'name': name})}"
        return RedirectResponse(url, 302, headers)

    async def cdn(self, request: Request) -> Response:
        """LFS objects, as the storage behind the Hub serves them: for a signed address, whoever asks."""
        oid = request.path_params["oid"]
        if not hmac.compare_digest(request.query_params.get("signature", ""), self._sign(oid)):
            raise ApiError(403, "Access denied: the signature does not match")
        return FileResponse(self.hub.objects.path(File("", 0, oid)), headers={"ETag": f'"{oid}"'})

    def _sign(self, oid: str) -> str:
        return hmac.new(self.hub.token.encode(), oid.encode(), hashlib.sha256).hexdigest()


def _entry(repo: Repo, commit: Commit, folders: dict[str, str], path: str, expand: bool) -> dict[str, Any]:
    file = commit.tree.get(path)
    if file is None:
        entry: dict[str, Any] = {"type": "directory", "oid": folders[path], "size": 0, "path": path}
    else:
        entry = {"type": "file", "oid": file.oid, "size": file.size, "path": path}
        if file.lfs:
            entry["lfs"] = {"oid": file.lfs, "size": file.size, "pointerSize": file.pointer_size}
    if expand:
        last = repo.last_change(path, commit.id)
        entry["lastCommit"] = {"id": last.id, "title": last.title, "date": last.when}
        if file:
            entry["securityFileStatus"] = {"status": "unscanned", "avScan": None, "pickleImportScan": None}
    return entry


def routes(hub: Hub) -> list[Route]:
    files = Files(hub)
    one = "/api/{kind:kind}/{owner}/{name}"
    return [
        Route(one + "/tree/{revision}", files.tree),
        Route(one + "/tree/{revision}/{path:path}", files.tree),
        Route(one + "/paths-info/{revision}", files.paths_info, methods=["POST"]),
        Route("/cdn/{oid}", files.cdn),
        Route("/{kind:kind}/{owner}/{name}/resolve/{revision}/{path:path}", files.resolve),
        Route("/{owner}/{name}/resolve/{revision}/{path:path}", files.resolve),
    ]
