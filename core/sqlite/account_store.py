"""The part of the store that keeps sites, the server's keys, users, tokens and the audit; SQL is accounts.py's."""

from __future__ import annotations

from collections.abc import Callable

from core.model import Audited, Site, Token, User
from core.site_options import SiteOptions
from core.sqlite import accounts
from core.sqlite.parts import Part
from core.store import AccountStore, SiteStore


class Accounts(Part, SiteStore, AccountStore):
    """Mixed into the store, whose writer and readers it uses."""

    # Sites and keys

    async def add_site(self, site: Site) -> None:
        await self._writer.submit(lambda db, _: accounts.add_site(db, site))

    async def site(self, key_or_name: str) -> Site | None:
        return await self._readers.run(accounts.site, key_or_name)

    async def set_site_options(self, key: str, options: SiteOptions) -> None:
        await self._writer.submit(lambda db, _: accounts.set_options(db, key, options))

    async def change_site_options(
        self, key: str, change: Callable[[SiteOptions], SiteOptions]
    ) -> SiteOptions:
        return await self._writer.submit(lambda db, _: accounts.change_options(db, key, change))

    async def sites(self) -> list[Site]:
        return await self._readers.run(accounts.sites)

    async def server_key(self, name: str) -> bytes:
        known = await self._readers.run(accounts.server_key, name)
        if known is not None:
            return known
        return await self._writer.submit(lambda db, _: accounts.make_server_key(db, name))

    # Accounts

    async def add_user(self, user: User) -> None:
        await self._writer.submit(lambda db, _: accounts.add_user(db, user))

    async def user(self, name: str) -> User | None:
        return await self._readers.run(accounts.user, name)

    async def users(self) -> list[User]:
        return await self._readers.run(accounts.users)

    async def remove_user(self, name: str) -> bool:
        return await self._writer.submit(lambda db, _: accounts.remove_user(db, name))

    async def tokens(self) -> list[Token]:
        return await self._readers.run(accounts.tokens)

    async def remove_token(self, id_: str) -> bool:
        return await self._writer.submit(lambda db, _: accounts.remove_token(db, id_))

    async def audited(self, limit: int, *, before: int | None = None) -> list[Audited]:
        return await self._readers.run(accounts.audited, limit, before)

    async def add_token(self, token: Token) -> None:
        await self._writer.submit(lambda db, _: accounts.add_token(db, token))

    async def token(self, hash_: bytes) -> Token | None:
        return await self._readers.run(accounts.token, hash_)

    async def add_sign_in(self, hash_: bytes, at_ms: int, until_ms: int) -> None:
        await self._writer.submit(
            lambda db, _: accounts.add_sign_in(db, hash_, at_ms, until_ms), touches=()
        )

    async def sign_in_used(self, hash_: bytes) -> int | None:
        return await self._readers.run(accounts.sign_in_used, hash_)

    async def use_sign_in(self, hash_: bytes, at_ms: int) -> None:
        await self._writer.submit(lambda db, _: accounts.use_sign_in(db, hash_, at_ms), touches=())

    async def remove_sign_in(self, hash_: bytes) -> None:
        await self._writer.submit(lambda db, _: accounts.remove_sign_in(db, hash_), touches=())

    async def audit(self, at_ms: int, who: str, action: str, subject: str) -> None:
        await self._writer.submit(
            lambda db, _: accounts.audit(db, at_ms, who, action, subject), touches=()
        )
