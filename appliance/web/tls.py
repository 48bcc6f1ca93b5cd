"""The server's TLS: contexts made from values, and the one in use, which can be replaced."""

import os
import ssl
import warnings
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from appliance.config.settings import TlsSettings
from appliance.model.errors import Broken, ConfigError

NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which the ssl module has no name for

SUITES: Final = {
    "TLS_RSA_WITH_RC4_128_SHA": "RC4-SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA": "DES-CBC3-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256": "AES128-SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA": "ECDHE-ECDSA-RC4-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA": "ECDHE-RSA-RC4-SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA": "ECDHE-RSA-DES-CBC3-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256": "ECDHE-ECDSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256": "ECDHE-RSA-AES128-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305": "ECDHE-ECDSA-CHACHA20-POLY1305",
}
"""Go's names of TLS 1.2 suites and OpenSSL's."""

TLS13_SUITES: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
"""Always on with TLS 1.3, by Go and OpenSSL alike; naming them changes nothing."""

VERSIONS: Final = {
    0.0: ssl.TLSVersion.TLSv1_3,
    1.0: ssl.TLSVersion.TLSv1,
    1.1: ssl.TLSVersion.TLSv1_1,
    1.2: ssl.TLSVersion.TLSv1_2,
    1.3: ssl.TLSVersion.TLSv1_3,
}
"""`minVersion` and `maxVersion`; 0 (the key is missing) is 1.3, as step-ca has it."""


class TlsHolder:
    """The context that new connections take. Those that are open keep theirs."""

    def __init__(self, context: ssl.SSLContext) -> None:
        prove(context)
        self._context = context

    @property
    def context(self) -> ssl.SSLContext:
        """What the next handshake uses."""
        return self._context

    def replace(self, context: ssl.SSLContext) -> None:
        """Use another one from now on. Raises Broken, and keeps the old one, if it cannot serve."""
        prove(context)
        self._context = context


def server_context(
    *,
    chain: Sequence[bytes],
    key: CertificateIssuerPrivateKeyTypes,
    client_issuers: Sequence[bytes],
    settings: TlsSettings,
    file: str,
) -> ssl.SSLContext:
    """Make a context that serves `chain` (DER, leaf first) and lets clients show a certificate.

    A client's certificate must lead to one of `client_issuers` (DER: roots and intermediates);
    its dates are judged per request, since a renewal may be asked for with an expired one. A
    session is never resumed by ticket, so that what a client showed is known. Raises ConfigError
    for a suite or version that is unknown or impossible; `file` is where it was written.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _set_versions(context, settings, file)
    _set_suites(context, settings, file)
    context.options |= (
        ssl.OP_NO_COMPRESSION
        | ssl.OP_NO_RENEGOTIATION
        | ssl.OP_CIPHER_SERVER_PREFERENCE
        | ssl.OP_NO_TICKET
    )
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    _load_chain(context, chain, key)
    context.load_verify_locations(cadata=b"".join(client_issuers))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN | NO_CHECK_TIME
    return context


def _set_versions(context: ssl.SSLContext, settings: TlsSettings, file: str) -> None:
    for place, version in (
        ("tls.minVersion", settings.min_version),
        ("tls.maxVersion", settings.max_version),
    ):
        if version not in VERSIONS:
            known = ", ".join(str(each) for each in VERSIONS if each)
            raise ConfigError(f"{version} is no TLS version; use {known}", file=file, place=place)
    lowest, highest = VERSIONS[settings.min_version], VERSIONS[settings.max_version]
    if lowest > highest:
        problem = f"minVersion {settings.min_version} is above maxVersion {settings.max_version}"
        raise ConfigError(problem, file=file, place="tls")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of 1.0 and 1.1: it was asked for
        context.minimum_version = lowest
        context.maximum_version = highest


def _set_suites(context: ssl.SSLContext, settings: TlsSettings, file: str) -> None:
    place = "tls.cipherSuites"
    level = "@SECLEVEL=0" if VERSIONS[settings.min_version] < ssl.TLSVersion.TLSv1_2 else ""
    names = []
    trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for go_name in settings.cipher_suites:
        if go_name in TLS13_SUITES:
            continue
        name = SUITES.get(go_name)
        if name is None:
            raise ConfigError(f"{go_name} is not a cipher suite", file=file, place=place)
        if not _has_suite(trial, name):
            problem = f"{go_name} is too weak for the OpenSSL in use; remove it"
            raise ConfigError(problem, file=file, place=place)
        names.append(name)
    if names:
        context.set_ciphers(":".join([*names, level] if level else names))
    elif settings.cipher_suites and VERSIONS[settings.max_version] < ssl.TLSVersion.TLSv1_3:
        raise ConfigError("no suite for TLS 1.2 is named", file=file, place=place)


def _has_suite(trial: ssl.SSLContext, name: str) -> bool:
    try:
        trial.set_ciphers(f"{name}:@SECLEVEL=0")
    except ssl.SSLError:
        return False
    return any(each["name"] == name for each in trial.get_ciphers())


def _load_chain(
    context: ssl.SSLContext, chain: Sequence[bytes], key: CertificateIssuerPrivateKeyTypes
) -> None:
    """Hand over certificates and key: OpenSSL wants a file, so it gets one that is only memory."""
    pem = b"".join(ssl.DER_cert_to_PEM_cert(each).encode("ascii") for each in chain)
    pem += key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor = os.memfd_create("server-certificate", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    except ssl.SSLError as error:
        raise Broken("the server's certificate and key do not fit together") from error
    finally:
        os.close(descriptor)


def prove(context: ssl.SSLContext) -> None:
    """Shake hands with ourselves in memory. Raises Broken when no client could connect."""
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asking.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    asking.set_ciphers("ALL:@SECLEVEL=0")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = asking.wrap_bio(to_client, to_server)
    done: set[ssl.SSLObject] = set()
    for _ in range(10):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                reason = error.reason or "handshake failure"
                raise Broken(
                    "no client could connect with this certificate", detail=reason
                ) from error
            done.add(end)
        if len(done) == 2:
            return
    raise Broken("no client could connect with this certificate", detail="handshake does not end")
