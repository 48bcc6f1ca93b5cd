"""Words of SSH certificates that everything above shares."""

import enum
from typing import Final


class CertificateType(enum.IntEnum):
    """Whom a certificate is for, by the number in it (PROTOCOL.certkeys of OpenSSH)."""

    USER = 1
    HOST = 2

    @property
    def label(self) -> str:
        """Give `user` or `host`, as requests, tokens and configurations spell it."""
        return _LABELS[self]


_LABELS: Final = ("", "user", "host")
