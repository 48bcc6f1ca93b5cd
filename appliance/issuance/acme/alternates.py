"""Other ways from a certificate to a root (RFC 8555 7.4.2): by cross-signed issuers.

An issuer that has several certificates, of one name and one key, has as many ways up. Clients that
trust an old root alone, or a new one alone, choose theirs.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Chain = tuple[bytes, ...]

MOST: Final = 8  # alternates of a certificate
_LONGEST: Final = 6  # certificates of a chain, without leaf and root
_LOOKS: Final = 200  # signatures verified for one chain


class _Search:
    """Climbs from issuer to issuer, as far as it may."""

    def __init__(self, known: Iterable[bytes], roots: Iterable[bytes]) -> None:
        self._roots = [x509.load_der_x509_certificate(each) for each in roots]
        loaded = (x509.load_der_x509_certificate(each) for each in known)
        self._known = [each for each in loaded if not _did_sign(each, each)]
        self._left = _LOOKS

    def twins(self, certificate: x509.Certificate) -> list[x509.Certificate]:
        """Give it and the others of its name and key."""
        mine = _key(certificate)
        return [
            certificate,
            *(
                each
                for each in self._known
                if each != certificate
                and each.subject == certificate.subject
                and _key(each) == mine
            ),
        ]

    def climb(self, path: tuple[x509.Certificate, ...]) -> Iterator[tuple[x509.Certificate, ...]]:
        """Give every way on that ends below a root; the shortest first."""
        if any(self._did_issue(root, path[-1]) for root in self._roots):
            yield path
        if len(path) == _LONGEST:
            return
        for each in self._known:
            if each not in path and self._did_issue(each, path[-1]):
                yield from self.climb((*path, each))

    def _did_issue(self, issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
        if issuer.subject != certificate.issuer or self._left == 0:
            return False
        self._left -= 1
        return _did_sign(issuer, certificate)


def alternates(
    chain: Sequence[bytes], known: Iterable[bytes], roots: Iterable[bytes]
) -> tuple[Chain, ...]:
    """Give the other chains of what a chain's first certificate issued, the root left out.

    `chain` is the usual one, its issuer first; `known` are CA certificates that may be in a chain,
    `roots` where it may end. All are DER.
    """
    search = _Search(dict.fromkeys([*chain, *known]), roots)
    found: dict[Chain, None] = {}
    for start in search.twins(x509.load_der_x509_certificate(chain[0])):
        for path in search.climb((start,)):
            found[tuple(each.public_bytes(Encoding.DER) for each in path)] = None
            if len(found) > MOST:
                break
    usual = [x509.load_der_x509_certificate(each) for each in chain]
    while len(usual) > 1 and _did_sign(usual[-1], usual[-1]):  # roots that come along
        usual.pop()
    found.pop(tuple(each.public_bytes(Encoding.DER) for each in usual), None)
    return tuple(found)[:MOST]


def _did_sign(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    if issuer.subject != certificate.issuer:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _key(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
