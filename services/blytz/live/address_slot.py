"""Counts one connection against the limit of its address."""

from blytz.live.context import GatewayContext


class AddressSlot:
    __slots__ = ("_address", "_context", "_forwarded_for")

    def __init__(self, context: GatewayContext, forwarded_for: str | None) -> None:
        """`forwarded_for` is the header, which counts only when a trusted proxy sent it."""
        self._context = context
        self._forwarded_for = forwarded_for
        self._address: str | None = None

    def take(self, peer: object) -> bool:
        """`peer` is the address of the socket's other end. False when the limit is reached."""
        address = self._context.address_of(peer, self._forwarded_for)
        if address is not None and not self._context.addresses.enter(address):
            return False
        self._address = address
        return True

    def leave(self) -> None:
        """Call it once the socket is gone, because until then the connection uses memory."""
        if self._address is not None:
            self._context.addresses.leave(self._address)
            self._address = None
