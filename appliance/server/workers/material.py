"""What a worker reads from files by itself, as a fingerprint: it must be what the main process has.

A file that was changed, and not yet reloaded, must not be served by a worker that came later.
"""

from hashlib import sha256

from appliance.model.ssh import CertificateType
from appliance.server.assembly import Assembly


def fingerprint(assembly: Assembly) -> bytes:
    """Give that of the certificates and keys of a configuration."""
    trust, found = assembly.trust, sha256()
    groups = (
        trust.roots,
        trust.federated_roots,
        trust.intermediates,
        *(each.chain for each in assembly.issuers.all),
        *(
            tuple(key.blob for key in assembly.ssh_keys.federation(kind))
            for kind in CertificateType
        ),
    )
    for group in groups:
        found.update(b"%d:" % len(group))
        for each in group:
            found.update(b"%d:" % len(each) + each)
    return found.digest()
