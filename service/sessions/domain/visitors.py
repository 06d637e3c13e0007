"""Who a visitor is: the one place that holds the secret behind visitors' ids."""

from hmac import digest

from sessions.domain.client_addresses import canonical_ip
from sessions.domain.errors import InvalidArgument, Violation
from sessions.domain.events import EventInput
from sessions.domain.validation import visitor_violations


class Visitors:
    """Turns clients into ids, and ids into what is left of them after an erasure.

    All hashes are keyed (HMAC-SHA256): without the secret, no guess of an address or of an id
    can be checked.

    Args:
        secret: the key of the hashes; another one makes other visitors of the same clients.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def client_id(self, website_id: str, address: str, user_agent: str) -> str:
        """16 hex digits that stand for one client on one website.

        `address` is the form that `canonical_ip` gives.
        """
        # NUL can't occur in any of the three, so no two triples give the same message.
        message = f"{website_id}\0{address}\0{user_agent}".encode()
        return digest(self._secret, message, "sha256")[:8].hex()

    def named(self, website_id: str, *, visitor_id: str, client_ip: str, user_agent: str) -> str:
        """The id of a visitor that is named in one of the two ways in which events name it.

        Raises:
            InvalidArgument: it is named in both ways or in none, or as no event can name it;
                with every violation.
        """
        name = EventInput(visitor_id=visitor_id, client_ip=client_ip, user_agent=user_agent)
        wrong = visitor_violations(name)
        if visitor_id and (client_ip or user_agent):
            text = "name the visitor by this, or else by client_ip and user_agent"
            wrong.append(Violation("visitor_id", text))
        if wrong:
            raise InvalidArgument(*wrong)
        return visitor_id or self.client_id(website_id, canonical_ip(client_ip), user_agent)

    def tombstone_hash(self, website_id: str, visitor_id: str) -> bytes:
        """What stands for a visitor after its erasure: 16 bytes of a keyed hash.

        An id can be a name or an address that somebody might guess.
        """
        # No website id is like the first part, so no client's id comes from the same message.
        message = f"tombstone\0{website_id}\0{visitor_id}".encode()
        return digest(self._secret, message, "sha256")[:16]
