"""TLS settings of ca.json become what OpenSSL negotiates, or an error that names them."""

import os
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from appliance.model.errors import Broken, ConfigError
from appliance.web import tls
from tests.support.web import SETTINGS, Certified, Pki


def negotiated(context: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, str]:
    """Shake hands in memory; give version and suite."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    asking = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    for _ in range(5):
        for end in (asking, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    cipher = asking.cipher()
    assert cipher is not None
    return asking.version() or "", cipher[0]


def test_the_default_settings(pki: Pki) -> None:
    """TLS 1.3, or 1.2 with step-ca's two suites; HTTP/1.1 is all that ALPN offers."""
    context = pki.context()
    assert negotiated(context, pki.client())[0] == "TLSv1.3"
    client = pki.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    version, suite = negotiated(context, client)
    assert version == "TLSv1.2"
    assert suite in ("ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256")
    client.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
    with pytest.raises(ssl.SSLError):
        negotiated(context, client)


@pytest.mark.parametrize(("highest", "version"), [(1.2, "TLSv1.2"), (1.3, "TLSv1.3")])
def test_versions(highest: float, version: str, pki: Pki) -> None:
    context = pki.context(settings=replace(SETTINGS, max_version=highest))
    assert negotiated(context, pki.client())[0] == version


def test_only_new_clients(pki: Pki) -> None:
    context = pki.context(settings=replace(SETTINGS, min_version=1.3))
    client = pki.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError):
        negotiated(context, client)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated")
def test_old_versions_when_asked_for(pki: Pki) -> None:
    """TLS 1.0 is off unless ca.json says so."""
    settings = replace(
        SETTINGS, min_version=1.0, cipher_suites=("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",)
    )
    client = pki.client()
    client.minimum_version = ssl.TLSVersion.TLSv1
    client.maximum_version = ssl.TLSVersion.TLSv1
    client.set_ciphers("ALL:@SECLEVEL=0")
    assert negotiated(pki.context(settings=settings), client) == ("TLSv1", "ECDHE-ECDSA-AES128-SHA")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cipher_suites": ("TLS_X",)}, "ca.json: tls.cipherSuites: TLS_X is not a cipher suite"),
        ({"min_version": 1.4}, "ca.json: tls.minVersion: 1.4 is no TLS version; use 1.0, 1.1, 1.2"),
        ({"max_version": 2.0}, "ca.json: tls.maxVersion: 2.0 is no TLS version"),
        (
            {"min_version": 1.3, "max_version": 1.2},
            "ca.json: tls: minVersion 1.3 is above maxVersion 1.2",
        ),
        (
            {"cipher_suites": ("TLS_AES_128_GCM_SHA256",), "max_version": 1.2},
            "ca.json: tls.cipherSuites: no suite for TLS 1.2 is named",
        ),
        (
            {"cipher_suites": ("TLS_RSA_WITH_RC4_128_SHA",)},
            "ca.json: tls.cipherSuites: TLS_RSA_WITH_RC4_128_SHA is too weak for the OpenSSL",
        ),
    ],
)
def test_wrong_settings(change: dict[str, object], message: str, pki: Pki) -> None:
    with pytest.raises(ConfigError) as caught:
        pki.context(settings=replace(SETTINGS, **change))  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)


def test_every_suite_has_a_counterpart() -> None:
    """Names that OpenSSL has are spelled as it does; the others are old and weak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    known = {each["name"] for each in context.get_ciphers()}
    missing = {go for go, name in tls.SUITES.items() if name not in known}
    assert all("RC4" in go or "3DES" in go for go in missing)


def test_the_key_never_meets_a_disk(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL reads certificate and key from an anonymous file in memory, closed afterwards."""
    paths = []
    load = ssl.SSLContext.load_cert_chain

    def noting(self: ssl.SSLContext, certfile: str) -> None:
        paths.append(os.readlink(certfile))  # noqa: PTH115
        load(self, certfile)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", noting)
    before = len(list(Path("/proc/self/fd").iterdir()))
    pki.context()
    assert [path.startswith("/memfd:") for path in paths] == [True]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("kind", ["RSA", "Ed25519"])
def test_other_keys(kind: str, pki: Pki) -> None:
    """A key that is not the certificate's is refused, of whatever kind."""
    key = (
        rsa.generate_private_key(65537, 2048)
        if kind == "RSA"
        else ed25519.Ed25519PrivateKey.generate()
    )
    with pytest.raises(Broken, match="do not fit together"):
        tls.server_context(
            chain=[pki.server.der],
            key=key,
            client_issuers=[pki.root.der],
            settings=SETTINGS,
            file="ca.json",
        )


def test_a_context_that_cannot_serve_is_not_taken(pki: Pki) -> None:
    """Suites for RSA beside an EC key under TLS 1.2: no client could connect."""
    settings = replace(
        SETTINGS, max_version=1.2, cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",)
    )
    context = pki.context(settings=settings)
    with pytest.raises(Broken, match="no client could connect"):
        tls.TlsHolder(context)
    holder = tls.TlsHolder(pki.context())
    kept = holder.context
    with pytest.raises(Broken, match="no client could connect"):
        holder.replace(context)
    assert holder.context is kept
    shown: Certified = pki.intermediate.issue("localhost")
    holder.replace(pki.context(shown))
    assert holder.context is not kept
