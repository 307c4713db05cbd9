"""How files come in: `preupload` says which go to LFS, LFS takes their contents, a commit puts all of them in place."""

from __future__ import annotations

import base64
import hashlib
import json
from fnmatch import fnmatchcase
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.hub.errors import ApiError
from tests.hub.objects import File, Tree
from tests.hub.store import Repo

if TYPE_CHECKING:
    from tests.hub.server import Hub


class Uploads:
    def __init__(self, hub: Hub) -> None:
        self.hub, self.directory, self.objects = hub, hub.directory, hub.objects
        self.parts: dict[str, dict[int, bytes]] = {}

    async def preupload(self, request: Request) -> Response:
        """For each file: LFS or not, and the name of the content that lies at its path already."""
        proposed = bool(request.query_params.get("create_pr"))
        repo = (self.directory.open if proposed else self.directory.writable)(request)
        tree = repo.files(unquote(request.path_params["revision"]))
        patterns = self._lfs_patterns(tree)
        answers = []
        for file in (await request.json())["files"]:
            name, old = file["path"].rpartition("/")[2], tree.get(file["path"])
            by_name = any(fnmatchcase(name, pattern) for pattern in patterns)
            lfs = by_name or file["size"] >= self.hub.lfs_from or b"\0" in base64.b64decode(file["sample"])
            oid = (old.lfs or old.oid) if old else None
            answers.append({"path": file["path"], "uploadMode": "lfs" if lfs else "regular", "oid": oid,
                            "shouldIgnore": False})  # fmt: skip
        return JSONResponse({"files": answers, "commitOid": repo.commit(unquote(request.path_params["revision"])).id})

    def _lfs_patterns(self, tree: Tree) -> list[str]:
        if ".gitattributes" not in tree:
            return []
        lines = self.objects.read(tree[".gitattributes"]).decode().splitlines()
        return [line.split()[0] for line in lines if "filter=lfs" in line.split()[1:]]

    async def batch(self, request: Request) -> Response:
        """Where to send LFS objects: nowhere, when the content is here."""
        body = await request.json()
        (self.directory.writable if "ref" in body else self.directory.open)(request)  # without: for a pull request
        self.directory.known(request)
        multipart = "multipart" in body.get("transfers", [])
        objects = [self._instructions(item["oid"], item["size"], multipart) for item in body["objects"]]
        return JSONResponse({"transfer": "multipart" if multipart else "basic", "objects": objects})

    def _instructions(self, oid: str, size: int, multipart: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {"oid": oid, "size": size}
        if self.objects.lfs_file(oid):
            return answer
        self.parts.pop(oid, None)  # of an attempt that was given up
        base, part_size = f"{self.hub.endpoint}/lfs/{oid}", self.hub.part_size
        upload: dict[str, Any] = {"href": base}
        if multipart and size > part_size:
            urls = {str(number): f"{base}/{number}" for number in range(1, ceil(size / part_size) + 1)}
            upload = {"href": f"{base}/complete", "header": {"chunk_size": str(part_size), **urls}}
        verify = {"href": f"{base}/verify", "header": {}}
        return answer | {"authenticated": True, "actions": {"upload": upload, "verify": verify}}

    async def put(self, request: Request) -> Response:
        if not self.objects.add_lfs(request.path_params["oid"], await request.body()):
            raise ApiError(400, "The content is not that of the announced SHA-256")
        return Response()

    async def put_part(self, request: Request) -> Response:
        content = await request.body()
        self.parts.setdefault(request.path_params["oid"], {})[request.path_params["part"]] = content
        return Response(headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'})

    async def complete(self, request: Request) -> Response:
        """Joins the parts, when they are the ones whose ETags the client got."""
        oid, body = request.path_params["oid"], await request.json()
        parts = self.parts.get(oid, {})
        sent = [(part["partNumber"], part["etag"].strip('"')) for part in body["parts"]]
        if sent != [(number, hashlib.md5(parts[number]).hexdigest()) for number in sorted(parts)]:
            raise ApiError(400, "The parts are not those that were uploaded")
        if not self.objects.add_lfs(oid, b"".join(parts[number] for number in sorted(parts))):
            raise ApiError(400, "The content is not that of the announced SHA-256")
        del self.parts[oid]
        return JSONResponse({"success": True})

    async def verify(self, request: Request) -> Response:
        self.directory.known(request)
        body = await request.json()
        file = self.objects.lfs_file(body["oid"])
        if file is None or file.size != body["size"]:
            raise ApiError(404, "The object is not in storage, or has another size")
        return JSONResponse({"success": True})

    async def commit(self, request: Request) -> Response:
        """All changes or none; with create_pr=1 on a new pull request, which everyone may open."""
        proposed = bool(request.query_params.get("create_pr"))
        repo = (self.directory.open if proposed else self.directory.writable)(request)
        account, revision = self.directory.known(request), unquote(request.path_params["revision"])
        lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
        header = next(line["value"] for line in lines if line["key"] == "header")
        base = repo.commit(revision)
        if header.get("parentCommit") not in (None, base.id):
            raise ApiError(412, "A commit has happened since. Please refresh and try again.")
        tree = self._changed(base.tree, lines)
        pull_url = None
        if proposed:
            pull = repo.open(header["summary"], account.name, "open", pull_request=True)
            ref, pull_url = pull.ref, f"{self.hub.endpoint}{repo.url}/discussions/{pull.num}"
        else:
            ref = self._branch(repo, revision)
        made = repo.add(ref, tree, header["summary"], header.get("description", ""), account.name)
        page = self.hub.endpoint + repo.url
        answer = {"success": True, "commitOid": made.id, "commitUrl": f"{page}/commit/{made.id}", "hookOutput": ""}
        return JSONResponse(answer | ({"pullRequestUrl": pull_url} if pull_url else {}))

    def _branch(self, repo: Repo, revision: str) -> str:
        ref = repo.ref(revision)
        if ref is None or ref.startswith("refs/tags/"):
            raise ApiError(400, f"{revision} is not a branch or a pull request")
        return ref

    def _changed(self, old: Tree, lines: list[dict[str, Any]]) -> dict[str, File]:
        tree = dict(old)
        for line in lines:
            value = line["value"]
            match line["key"]:
                case "file":
                    tree[_checked(value["path"])] = self._regular(value)
                case "lfsFile":
                    file = self.objects.lfs_file(value["oid"])
                    if file is None:
                        raise ApiError(400, f"LFS pointer pointed to a file that does not exist: {value['path']}")
                    tree[_checked(value["path"])] = file
                case "deletedFile":
                    if tree.pop(value["path"], None) is None:
                        message = f"A file with this name doesn't exist: {value['path']}"
                        raise ApiError(404, message, "EntryNotFound")
                case "deletedFolder":
                    folder = value["path"].rstrip("/") + "/"
                    tree = {path: file for path, file in tree.items() if not path.startswith(folder)}
                case "header":
                    pass
                case key:
                    raise ApiError(400, f"Unknown operation: {key}")
        folders = {path[:at] for path in tree for at, letter in enumerate(path) if letter == "/"}
        if folders & tree.keys():
            raise ApiError(400, f"A file and a folder have the same name: {min(folders & tree.keys())}")
        return tree

    def _regular(self, value: dict[str, str]) -> File:
        content = base64.b64decode(value["content"])
        if len(content) >= self.hub.lfs_from:
            raise ApiError(400, f"{value['path']}: files of {self.hub.lfs_from} bytes or more must be sent to LFS")
        return self.objects.add(content)


def _checked(path: str) -> str:
    if any(part in ("", ".", "..", ".git") for part in path.split("/")):
        raise ApiError(400, f"Invalid path in a commit: {path}")
    return path


def routes(hub: Hub) -> list[Route]:
    uploads = Uploads(hub)
    one, lfs = "/api/{kind:kind}/{owner}/{name}", "{owner}/{name}.git/info/lfs/objects/batch"
    return [
        Route(one + "/preupload/{revision}", uploads.preupload, methods=["POST"]),
        Route(one + "/commit/{revision}", uploads.commit, methods=["POST"]),
        Route("/{kind:kind}/" + lfs, uploads.batch, methods=["POST"]),
        Route("/" + lfs, uploads.batch, methods=["POST"]),
        Route("/lfs/{oid}", uploads.put, methods=["PUT"]),
        Route("/lfs/{oid}/complete", uploads.complete, methods=["POST"]),
        Route("/lfs/{oid}/verify", uploads.verify, methods=["POST"]),
        Route("/lfs/{oid}/{part:int}", uploads.put_part, methods=["PUT"]),
    ]
