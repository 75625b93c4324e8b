"""Who speaks on one connection: nobody at first, then one person, for as long as their token holds."""

import asyncio
from typing import TYPE_CHECKING, Final

from blytz.identity import IssuerUnavailable, KeysWanted, Principal, TokenRefused
from blytz.kit.problems import Overloaded, Problem
from blytz.live import protocol
from blytz.live.protocol import Auth

if TYPE_CHECKING:
    from blytz.live.session import Session

MOST_HELD: Final = 64
"""Messages that wait for a sign-in that waits for an issuer."""
LOOK_AGAIN_S: Final = 3_600.0


class Caller:
    """Made with the first `auth` of a session: most viewers never send one."""

    __slots__ = ("_admission", "_counted", "_end", "_held", "_session", "principal")

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.principal: Principal | None = None
        self._counted = ""
        """The user for whom this connection counts."""
        self._end: asyncio.TimerHandle | None = None
        self._admission: asyncio.Task[None] | None = None
        self._held: list[protocol.ClientMessage] = []

    def sign_in(self, message: Auth) -> None:
        """At once wherever the issuer's keys are here, which is nearly always."""
        try:
            principal = self._session.office.identity.verify(message.token)
        except KeysWanted:
            self._admission = asyncio.create_task(self._admit(message), name="admission")
        except Problem as problem:
            self._refuse(message, problem)
        else:
            self._let_in(message, principal)

    def holds(self, message: protocol.ClientMessage) -> bool:
        """Whether this message waits: what follows an `auth` is said by the person that it names."""
        if self._admission is None:
            return False
        if len(self._held) >= MOST_HELD:
            self._session.close(protocol.TOO_MANY)
        else:
            self._held.append(message)
        return True

    def leave(self) -> None:
        """The connection has ended."""
        if self._end is not None:
            self._end.cancel()
        if self._admission is not None:
            self._admission.cancel()
        self._held.clear()
        if self._counted:
            self._session.office.users.leave(self._counted, self)
            self._counted = ""

    def check(self) -> None:
        """Ends the connection of somebody who was banned, or whose token was revoked, since they came."""
        if self.principal is None:
            return
        try:
            self._session.office.bans.check(self.principal)
        except Problem as problem:
            self._send_away(problem)

    def crowd_out(self) -> None:
        """The user has too many connections, here or elsewhere."""
        self._session.turn_away("user", "too many connections of one user")

    async def _admit(self, message: Auth) -> None:
        try:
            principal = await self._session.office.identity.admit(message.token)
        except Problem as problem:
            self._refuse(message, problem)
        else:
            self._let_in(message, principal)
        self._admission = None
        held, self._held = self._held, []
        for later in held:
            self._session.act(later)

    def _let_in(self, message: Auth, principal: Principal) -> None:
        session = self._session
        if self.principal and self.principal.id != principal.id:
            # Bids in flight and what it was told belong to somebody else.
            session.error("forbidden", "a connection cannot change hands; open another one", message.ref)
            return
        if not self._counted:
            if not session.office.users.enter(principal.id, self):
                self.crowd_out()
                return
            self._counted = principal.id
        self.principal = principal
        if self._end is not None:
            self._end.cancel()
        self.end_with_token()
        session.send(protocol.encode(protocol.authenticated(principal, message.ref)))

    def _refuse(self, message: Auth, problem: Problem) -> None:
        if isinstance(problem, IssuerUnavailable | Overloaded):
            # It may be a good token: whoever watches goes on watching, and may try again.
            self._session.error(problem.code, problem.detail, message.ref)
        else:
            self._session.office.logins_refused.add()
            self._send_away(problem, message)

    def _send_away(self, problem: Problem, message: Auth | None = None) -> None:
        self._session.error(problem.code, problem.detail, *([message.ref] if message else []))
        self._session.close(protocol.TOKEN_REFUSED)

    def end_with_token(self) -> None:
        """At the very moment, on the clock of the house; the timer runs on another one, so it looks again."""
        principal, session = self.principal, self._session
        if principal is None:
            return
        left_s = (principal.expires_at - session.office.clock.now()) / 1_000
        if left_s <= 0:
            self._send_away(TokenRefused("the token has expired"))
            return
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(min(left_s, LOOK_AGAIN_S) + 0.001, self.end_with_token)
