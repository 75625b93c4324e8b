"""The place that one connection takes of those that its address may have."""

from blytz.live.context import GatewayContext


class AddressSlot:
    __slots__ = ("_address", "_context", "_forwarded_for")

    def __init__(self, context: GatewayContext, forwarded_for: str | None) -> None:
        """`forwarded_for`: the header of that name, which only a trusted proxy's word makes true."""
        self._context = context
        self._forwarded_for = forwarded_for
        self._address: str | None = None

    def take(self, peer: object) -> bool:
        """With the address of the socket's other end. False when all are taken."""
        address = self._context.address_of(peer, self._forwarded_for)
        if address is not None and not self._context.addresses.enter(address):
            return False
        self._address = address
        return True

    def leave(self) -> None:
        """Once the socket is gone; until then it costs what it cost."""
        if self._address is not None:
            self._context.addresses.leave(self._address)
            self._address = None
