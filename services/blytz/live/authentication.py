"""The user of one connection: anonymous at first, then one user until their token expires."""

import asyncio
from typing import Final

from blytz.identity import IssuerUnavailable, KeysWanted, Principal, TokenRefused
from blytz.kit.problems import Overloaded, Problem
from blytz.live import protocol
from blytz.live.context import ClientConnection
from blytz.live.protocol import Auth

MAX_HELD_MESSAGES: Final = 64
"""Messages that wait for a sign-in whose token waits for the keys of its issuer."""
RECHECK_EXPIRY_S: Final = 3_600.0


class Authentication:
    """Made with the first `auth` of a connection: most viewers never send one."""

    __slots__ = ("_admission", "_connection", "_counted", "_end", "_held", "principal")

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.principal: Principal | None = None
        self._counted = ""
        """Id of the user whose limit this connection counts against."""
        self._end: asyncio.TimerHandle | None = None
        self._admission: asyncio.Task[None] | None = None
        self._held: list[protocol.ClientMessage] = []

    def sign_in(self, message: Auth) -> None:
        """Checks the token at once if the issuer's keys are known, as they nearly always are."""
        try:
            principal = self._connection.context.identity.verify(message.token)
        except KeysWanted:
            self._admission = asyncio.create_task(self._admit(message), name="admission")
        except Problem as problem:
            self._refuse(message, problem)
        else:
            self._let_in(message, principal)

    def holds(self, message: protocol.ClientMessage) -> bool:
        """Whether this message waits, because it follows an `auth` that is not checked yet and is from that
        user."""
        if self._admission is None:
            return False
        if len(self._held) >= MAX_HELD_MESSAGES:
            self._connection.close(protocol.TOO_MANY)
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
            self._connection.context.users.leave(self._counted, self)
            self._counted = ""

    def check(self) -> None:
        """Closes the connection of a user who was banned, or whose token was revoked, since signing in."""
        if self.principal is None:
            return
        try:
            self._connection.context.bans.check(self.principal)
        except Problem as problem:
            self._disconnect(problem)

    def disconnect_excess(self) -> None:
        """The user has too many connections, here or elsewhere."""
        self._connection.reject("user", "too many connections of one user")

    async def _admit(self, message: Auth) -> None:
        try:
            principal = await self._connection.context.identity.admit(message.token)
        except Problem as problem:
            self._refuse(message, problem)
        else:
            self._let_in(message, principal)
        self._admission = None
        held, self._held = self._held, []
        for later in held:
            self._connection.act(later)

    def _let_in(self, message: Auth, principal: Principal) -> None:
        connection = self._connection
        if self.principal and self.principal.id != principal.id:
            # Bids in flight and answers belong to another user.
            connection.error("forbidden", "a connection cannot change hands; open another one", message.ref)
            return
        if not self._counted:
            if not connection.context.users.enter(principal.id, self):
                self.disconnect_excess()
                return
            self._counted = principal.id
        self.principal = principal
        if self._end is not None:
            self._end.cancel()
        self.end_with_token()
        connection.send(protocol.encode(protocol.authenticated(principal, message.ref)))

    def _refuse(self, message: Auth, problem: Problem) -> None:
        if isinstance(problem, IssuerUnavailable | Overloaded):
            # The token may be good: the connection stays open, and the client may try again.
            self._connection.error(problem.code, problem.detail, message.ref)
        else:
            self._connection.context.logins_refused.add()
            self._disconnect(problem, message)

    def _disconnect(self, problem: Problem, message: Auth | None = None) -> None:
        self._connection.error(problem.code, problem.detail, *([message.ref] if message else []))
        self._connection.close(protocol.TOKEN_REFUSED)

    def end_with_token(self) -> None:
        """Disconnects when the token has expired on the server clock, else sets a timer. The timer runs on another
        clock, so the time is checked again when it fires."""
        principal, connection = self.principal, self._connection
        if principal is None:
            return
        left_s = (principal.expires_at - connection.context.clock.now()) / 1_000
        if left_s <= 0:
            self._disconnect(TokenRefused("the token has expired"))
            return
        loop = asyncio.get_running_loop()
        self._end = loop.call_later(min(left_s, RECHECK_EXPIRY_S) + 0.001, self.end_with_token)
