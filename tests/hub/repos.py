"""Accounts, repositories, their refs and history, and the check of cards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import yaml
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.hub.access import KINDS
from tests.hub.errors import ApiError
from tests.hub.objects import Commit, File
from tests.hub.store import MAIN, Repo

if TYPE_CHECKING:
    from tests.hub.server import Hub

# What a new repository of the Hub begins with, cut to the kinds of file that artsim publishes.
ATTRIBUTES = "".join(
    f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n"
    for suffix in ("arrow", "bin", "gz", "jpeg", "jpg", "npy", "onnx", "parquet", "png", "safetensors", "tar", "webp")
)


class Repos:
    def __init__(self, hub: Hub) -> None:
        self.hub, self.directory = hub, hub.directory

    async def whoami(self, request: Request) -> Response:
        account = self.directory.known(request)
        token = {"displayName": "test", "role": account.role, "createdAt": "2026-01-01T00:00:00.000Z"}
        orgs = [{"type": "org", "id": name, "name": name, "fullname": name, "isEnterprise": False, "roleInOrg": "admin"}
                for name in account.orgs]  # fmt: skip
        about = {"type": "user", "id": account.name, "name": account.name, "fullname": account.name, "isPro": False}
        mail = {"email": f"{account.name}@local", "emailVerified": True, "canPay": False, "periodEnd": None}
        return JSONResponse(about | mail | {"orgs": orgs, "auth": {"type": "access_token", "accessToken": token}})

    async def create(self, request: Request) -> Response:
        account, body = self.directory.known(request), await request.json()
        kind, owner = KINDS[body.get("type") or "model"], body.get("organization") or account.name
        repo = Repo(kind, f"{owner}/{body['name']}", body.get("visibility") == "private" or bool(body.get("private")))
        url = self.hub.endpoint + repo.url
        if not account.may_write(owner):
            raise ApiError(403, f'You don\'t have the rights to create a {kind[:-1]} under the namespace "{owner}"')
        if f"{kind}/{repo.id}" in self.directory.repos:
            raise ApiError(409, f"You already created this {kind[:-1]} repo: {repo.id}", body={"url": url})
        attributes = self.hub.objects.add(ATTRIBUTES.encode())
        repo.add(MAIN, {".gitattributes": attributes}, "initial commit", "", account.name)
        self.directory.repos[f"{kind}/{repo.id}"] = repo
        return JSONResponse({"url": url, "name": repo.id, "id": repo.id})

    async def delete(self, request: Request) -> Response:
        account, body = self.directory.known(request), await request.json()
        kind, owner = KINDS[body.get("type") or "model"], body.get("organization") or account.name
        request.path_params.update(kind=kind, owner=owner, name=body["name"])
        repo = self.directory.writable(request)
        del self.directory.repos[f"{kind}/{repo.id}"]
        return Response("OK")

    async def settings(self, request: Request) -> Response:
        repo, body = self.directory.writable(request), await request.json()
        if "visibility" in body or "private" in body:
            repo.private = body.get("visibility", "public") == "private" or bool(body.get("private"))
        repo.gated = body.get("gated", repo.gated)
        return JSONResponse({"private": repo.private, "gated": repo.gated})

    async def info(self, request: Request) -> Response:
        repo = self.directory.readable(request)
        commit = repo.commit(unquote(request.path_params.get("revision", "main")))
        query = request.query_params
        answer = self._describe(repo, commit, query.get("blobs", "").lower() == "true")
        if "securityStatus" in query:
            answer["securityStatus"] = {"scansDone": True, "filesWithIssues": []}
        expand = query.getlist("expand") or query.getlist("expand[]")
        if expand:
            answer = {name: answer.get(name) for name in ["_id", "id", *expand]}
        return JSONResponse(answer)

    def _describe(self, repo: Repo, commit: Commit, blobs: bool) -> dict[str, Any]:
        siblings = [{"rfilename": path} | (_blob(file) if blobs else {}) for path, file in sorted(commit.tree.items())]
        card = _front_matter(self.hub.objects.read(commit.tree["README.md"])) if "README.md" in commit.tree else {}
        answer = {
            "_id": repo.id,
            "id": repo.id,
            "author": repo.owner,
            "sha": commit.id,
            "lastModified": commit.when,
            "createdAt": repo.created.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "private": repo.private,
            "gated": repo.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [str(tag) for tag in card.get("tags") or []],
            "cardData": card,
            "siblings": siblings,
            "usedStorage": sum(file.size for file in commit.tree.values()),
        }
        if repo.kind == "models":
            answer |= {name: card[name] for name in ("pipeline_tag", "library_name") if name in card}
            answer |= {"modelId": repo.id, "spaces": []}
        return answer

    async def refs(self, request: Request) -> Response:
        repo = self.directory.readable(request)

        def under(prefix: str) -> list[dict[str, str]]:
            refs = [(ref, oid) for ref, oid in repo.refs.items() if ref.startswith(prefix)]
            return [{"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid} for ref, oid in refs]

        answer = {"branches": under("refs/heads/"), "tags": under("refs/tags/"), "converts": []}
        pulls = {"pullRequests": under("refs/pr/")} if request.query_params.get("include_prs") else {}
        return JSONResponse(answer | pulls)

    async def create_branch(self, request: Request) -> Response:
        repo, body = self.directory.writable(request), await _json(request)
        return self._new_ref(
            repo, f"refs/heads/{unquote(request.path_params['ref'])}", body.get("startingPoint") or "main"
        )

    async def create_tag(self, request: Request) -> Response:
        repo, body = self.directory.writable(request), await _json(request)
        return self._new_ref(repo, f"refs/tags/{body['tag']}", unquote(request.path_params["ref"]))

    def _new_ref(self, repo: Repo, ref: str, revision: str) -> Response:
        commit = repo.commit(revision)
        if ref in repo.refs:
            raise ApiError(409, f"Reference already exists: {ref}")
        repo.refs[ref] = commit.id
        return JSONResponse({})

    async def delete_ref(self, request: Request) -> Response:
        repo = self.directory.writable(request)
        prefix = "refs/tags/" if "/tag/" in request.url.path else "refs/heads/"
        ref = prefix + unquote(request.path_params["ref"])
        if ref == MAIN:
            raise ApiError(403, "Cannot delete the main branch")
        if ref not in repo.refs:
            raise ApiError(404, f"Invalid rev id: {ref}", "RevisionNotFound")
        del repo.refs[ref]
        return JSONResponse({})

    async def commits(self, request: Request) -> Response:
        repo = self.directory.readable(request)
        log = list(repo.log(unquote(request.path_params["revision"])))
        page, size = int(request.query_params.get("p", 0)), self.hub.page_size
        rows = [_commit(commit) for commit in log[page * size : (page + 1) * size]]
        headers = {"X-Total-Count": str(len(log))}
        if len(log) > (page + 1) * size:
            headers["Link"] = f'<{self.hub.endpoint}{request.url.path}?p={page + 1}>; rel="next"'
        return JSONResponse(rows, headers=headers)

    async def auth_check(self, request: Request) -> Response:
        check = self.directory.writable if request.url.path.endswith("/write") else self.directory.open
        check(request)
        return JSONResponse({})

    async def validate_card(self, request: Request) -> Response:
        body = await request.json()
        errors, warnings = _card_faults(body["content"])
        messages = {"errors": [{"message": e} for e in errors], "warnings": [{"message": w} for w in warnings]}
        return JSONResponse(messages, 400 if errors else 200)


def _commit(commit: Commit) -> dict[str, Any]:
    text = {"title": commit.title, "message": commit.message}
    return {"id": commit.id, "authors": [{"user": commit.author}], "date": commit.when, **text, "formatted": text}


def _blob(file: File) -> dict[str, Any]:
    lfs = {"lfs": {"sha256": file.lfs, "size": file.size, "pointerSize": file.pointer_size}} if file.lfs else {}
    return {"size": file.size, "blobId": file.oid} | lfs


async def _json(request: Request) -> dict[str, Any]:
    return await request.json() if await request.body() else {}


def _split_card(content: str) -> str | None:
    """The YAML between the two lines of dashes with which a card begins."""
    text = content.replace("\r\n", "\n").lstrip("\ufeff")
    if not text.startswith("---\n") or "\n---" not in text[3:]:
        return None
    return text[4:].partition("\n---")[0]


def _front_matter(content: bytes) -> dict[str, Any]:
    try:
        data = yaml.safe_load(_split_card(content.decode(errors="replace")) or "")
    except yaml.YAMLError:
        return {}
    # a date of YAML is a text in JSON
    return json.loads(json.dumps(data, default=str)) if isinstance(data, dict) else {}


def _card_faults(content: str) -> tuple[list[str], list[str]]:
    """Errors and warnings about a card's metadata: the part of the Hub's rules that artsim's cards can break."""
    text = _split_card(content)
    if text is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"invalid yaml: {error}"], []
    if not isinstance(data, dict):
        return ["metadata must be an object"], []
    errors = [f'"{name}" must be an array' for name in ("tags", "task_categories", "size_categories", "datasets")
              if isinstance(data.get(name), dict)]  # fmt: skip
    if not isinstance(data.get("license", ""), str | list):
        errors.append('"license" must be a string or an array')
    for index, config in enumerate(data.get("configs") or []):
        if not isinstance(config, dict) or not isinstance(config.get("config_name"), str):
            errors.append(f'"configs[{index}].config_name" is required')
    return errors, []


def routes(hub: Hub) -> list[Route]:
    repos = Repos(hub)
    one = "/api/{kind:kind}/{owner}/{name}"
    return [
        Route("/api/whoami-v2", repos.whoami),
        Route("/api/validate-yaml", repos.validate_card, methods=["POST"]),
        Route("/api/repos/create", repos.create, methods=["POST"]),
        Route("/api/repos/delete", repos.delete, methods=["DELETE"]),
        Route(one, repos.info),
        Route(one + "/revision/{revision}", repos.info),
        Route(one + "/settings", repos.settings, methods=["PUT"]),
        Route(one + "/refs", repos.refs),
        Route(one + "/branch/{ref}", repos.create_branch, methods=["POST"]),
        Route(one + "/branch/{ref}", repos.delete_ref, methods=["DELETE"]),
        Route(one + "/tag/{ref}", repos.create_tag, methods=["POST"]),
        Route(one + "/tag/{ref}", repos.delete_ref, methods=["DELETE"]),
        Route(one + "/commits/{revision}", repos.commits),
        Route(one + "/auth-check", repos.auth_check),
        Route(one + "/auth-check/write", repos.auth_check),
    ]
