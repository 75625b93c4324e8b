"""The place that one connection takes of those that its address may have."""

from blytz.live.office import Office


class Place:
    __slots__ = ("_address", "_forwarded_for", "_office")

    def __init__(self, office: Office, forwarded_for: str | None) -> None:
        """`forwarded_for`: the header of that name, which only a trusted proxy's word makes true."""
        self._office = office
        self._forwarded_for = forwarded_for
        self._address: str | None = None

    def take(self, peer: object) -> bool:
        """With the address of the socket's other end. False when all are taken."""
        address = self._office.address_of(peer, self._forwarded_for)
        if address is not None and not self._office.addresses.enter(address):
            return False
        self._address = address
        return True

    def leave(self) -> None:
        """Once the socket is gone; until then it costs what it cost."""
        if self._address is not None:
            self._office.addresses.leave(self._address)
            self._address = None
