"""The CA's own certificates, as clients ask for them."""

import hashlib
from collections.abc import Iterable

from appliance.model.errors import NotFound


class Trust:
    """Roots, federated roots and intermediates, each in DER and in the order of ca.json."""

    def __init__(
        self,
        *,
        roots: Iterable[bytes],
        federated_roots: Iterable[bytes] = (),
        intermediates: Iterable[bytes],
    ) -> None:
        self.roots = tuple(roots)
        self.federated_roots = tuple(federated_roots)
        self.intermediates = tuple(intermediates)
        self._by_fingerprint = {
            fingerprint(each): each for each in (*self.federated_roots, *self.roots)
        }

    def root(self, sha256: str) -> bytes:
        """Find a root or federated root by its fingerprint, in any case, with or without hyphens.

        Raises NotFound.
        """
        found = self._by_fingerprint.get(sha256.replace("-", "").lower())
        if found is None:
            raise NotFound(f'root certificate with fingerprint "{sha256[:100]}" was not found')
        return found


def fingerprint(certificate: bytes) -> str:
    """Give step's fingerprint: lower-case hex of SHA-256 over the DER."""
    return hashlib.sha256(certificate).hexdigest()
