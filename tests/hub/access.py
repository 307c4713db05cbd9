"""Who asks, and what that account may see and change. The answers are the real ones: a private repository of others
does not exist, a gated one shows its name and not its files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from starlette.requests import Request

from tests.hub.errors import ApiError
from tests.hub.store import Repo

KINDS = {"model": "models", "dataset": "datasets", "space": "spaces"}


@dataclass(frozen=True)
class Account:
    """Owner of a token. ``role`` of the token: "write" or "read"."""

    name: str
    role: str = "write"
    orgs: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: f"hf_{secrets.token_hex(17)}")

    def owns(self, repo: Repo) -> bool:
        return repo.owner in (self.name, *self.orgs)

    def may_write(self, owner: str) -> bool:
        return self.role == "write" and owner in (self.name, *self.orgs)


class Directory:
    """Accounts by token, and repositories by "kind/owner/name"."""

    def __init__(self, accounts: list[Account]) -> None:
        self.accounts = {account.token: account for account in accounts}
        self.repos: dict[str, Repo] = {}

    def who(self, request: Request) -> Account | None:
        """The account of a request, or None for a stranger.

        Raises:
            ApiError: 401 for a token that nobody has.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token:
            return None
        if scheme != "Bearer" or token not in self.accounts:
            raise ApiError(401, "Invalid credentials in Authorization header")
        return self.accounts[token]

    def known(self, request: Request) -> Account:
        account = self.who(request)
        if account is None:
            raise ApiError(401, "Invalid username or password.")
        return account

    def readable(self, request: Request) -> Repo:
        """The repository of a path with {kind}, {owner} and {name}; in a resolve path of a model the kind is absent.

        Raises:
            ApiError: RepoNotFound, with 401 for a stranger, who might see it with a token. The Hub sends no code with
                that 401 and the client guesses it from the address, but only from one that begins with https.
        """
        params = request.path_params
        key = f"{params.get('kind', 'models')}/{params['owner']}/{params['name']}"
        account, repo = self.who(request), self.repos.get(key)
        if repo is None or repo.private and not (account and account.owns(repo)):
            if account is None:
                raise ApiError(401, "Invalid username or password.", "RepoNotFound")
            raise ApiError(404, "Repository not found", "RepoNotFound")
        return repo

    def open(self, request: Request) -> Repo:
        """The same for its files: those of a gated repository are for its owner."""
        repo, account = self.readable(request), self.who(request)
        if repo.gated and not (account and account.owns(repo)):
            raise ApiError(
                403 if account else 401,
                f"Access to {repo.kind[:-1]} {repo.id} is restricted and you are not in the authorized list.",
                "GatedRepo",
            )
        return repo

    def writable(self, request: Request) -> Repo:
        """The same for a change of it."""
        repo, account = self.readable(request), self.known(request)
        if account.role != "write":
            raise ApiError(403, "Forbidden: you must use a write token to upload to a repository.")
        if not account.may_write(repo.owner):
            raise ApiError(403, "Forbidden: pass `create_pr=1` as a query parameter to create a Pull Request")
        return repo
