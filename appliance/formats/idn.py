"""Internationalized domain names in the ASCII form in which names are compared (UTS #46).

Read as for a lookup: characters are mapped to what they mean, letters, digits and hyphens are all
that is left of ASCII (STD3), and lengths are not looked at. The tables are the `idna` package's.
"""

from typing import Final

import idna

from appliance.model.errors import FormatError

_PREFIX: Final = "xn--"
_JOINERS: Final = "\u200c\u200d"


def lookup_form(domain: str) -> str:
    """Give a name in lower-case ASCII: `xn--bcher-kva.example` for `Bücher.example`.

    Empty labels stay. Raises FormatError for what no domain name holds.
    """
    try:
        labels = idna.uts46_remap(domain, std3_rules=True).split(".")
        for label in labels:
            _check(_text(label))
    except ValueError:  # the family of every Unicode error
        raise FormatError(f"{domain[:80]!r} is not a domain name") from None
    return ".".join(map(_ascii, labels))


def check_encoded(domain: str) -> None:
    """Look at the labels that say of themselves that they are encoded. Raises FormatError."""
    try:
        for label in domain.split("."):
            _text(label)
    except UnicodeError:
        raise FormatError(f"{domain[:80]!r} is not a domain name") from None


def _ascii(label: str) -> str:
    return label if label.isascii() else _PREFIX + label.encode("punycode").decode("ascii")


def _text(label: str) -> str:
    """Decode a label that has the prefix (RFC 5891 5.4: it must be the one form of its text)."""
    if not label.startswith(_PREFIX):
        return label
    text = label.removeprefix(_PREFIX).encode("ascii").decode("punycode")
    if _ascii(text).lower() != label.lower():
        raise UnicodeError
    return text


def _check(text: str) -> None:
    """Hold a label against the validity criteria of UTS #46 4.1."""
    if not text:
        return
    if idna.uts46_remap(text, std3_rules=True) != text:  # an encoded label hid what is not allowed
        raise UnicodeError
    idna.check_hyphen_ok(text)
    idna.check_initial_combiner(text)
    idna.check_bidi(text)
    for position, character in enumerate(text):
        if character in _JOINERS and not idna.valid_contextj(text, position):
            raise UnicodeError
