"""Command lines that edit provisioners, what they are given, and when two results are the same.

Each case is a few command lines on the same ca.json; in them `{idp}` is an identity provider, and
names of files are those of `files`.
"""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from appliance.formats import jwe, jwk, pem
from appliance.formats.keys import PublicKey
from appliance.model.secret import Password
from tests.support import nebula

IDP: Final = "http://idp.example.com"
PASSWORD: Final = Password(b"a password")
_USUAL_LENGTH: Final = 2048
_PASS: Final = "--password-file=password"
_ROTATED: Final = "{idp}/.well-known/openid-configuration"
_OIDC: Final = f"--client-id=me --configuration-endpoint={_ROTATED}"

CASES: Final[Mapping[str, tuple[str, ...]]] = {
    "jwk": (f"add n --create {_PASS}",),
    "jwk by name": ("add n --type=jwk --public-key=p256.pub.jwk",),
    "jwk public": ("add n --public-key=p256.pub.jwk",),
    "jwk public rsa": ("add n --public-key=rsa.pub.jwk",),
    "jwk public ed25519": ("add n --public-key=ed25519.pub.jwk",),
    "jwk public pem": ("add n --public-key=p256.pub.pem",),
    "jwk public bare": ("add n --public-key=bare.pub.jwk",),
    "jwk with private": (f"add n --public-key=p256.pub.jwk --private-key=p256.jwk {_PASS}",),
    "jwk with encrypted": ("add n --public-key=p256.pub.jwk --private-key=p256.jwe",),
    "jwk without key": ("add n",),
    "jwk create and public": ("add n --create --public-key=p256.pub.jwk",),
    "jwk symmetric": ("add n --public-key=symmetric.jwk",),
    "jwk private public": (f"add n --public-key=p256.pub.jwk --private-key=p256.pub.jwk {_PASS}",),
    "jwk no such file": ("add n --public-key=nowhere",),
    "jwk name taken": (f"add jane --create {_PASS}",),
    "claims x509": (
        "add n --public-key=p256.pub.jwk --x509-min-dur=20m --x509-max-dur=720h "
        "--x509-default-dur=48h30m",
    ),
    "claims ssh": (
        "add n --public-key=p256.pub.jwk --ssh-user-min-dur=17m --ssh-user-max-dur=20h "
        "--ssh-user-default-dur=1h --ssh-host-min-dur=1h --ssh-host-max-dur=1000h "
        "--ssh-host-default-dur=16h",
    ),
    "claims switches": (
        "add n --public-key=p256.pub.jwk --disable-renewal --allow-renewal-after-expiry "
        "--disable-smallstep-extensions --ssh=false",
    ),
    "claims contradict": ("add n --public-key=p256.pub.jwk --x509-min-dur=20h --x509-max-dur=2h",),
    "claims no duration": ("add n --public-key=p256.pub.jwk --x509-min-dur=soon",),
    "templates": (
        "add n --public-key=p256.pub.jwk --x509-template=leaf.tpl --x509-template-data=data.json "
        "--ssh-template=ssh.tpl --ssh-template-data=data.json",
    ),
    "template missing": ("add n --public-key=p256.pub.jwk --x509-template=nowhere",),
    "template data no json": (
        "add n --public-key=p256.pub.jwk --x509-template=leaf.tpl --x509-template-data=leaf.tpl",
    ),
    "acme": ("add n --type=ACME",),
    "acme all": (
        "add n --type=ACME --force-cn --require-eab --challenge=dns-01 --challenge=HTTP-01 "
        "--challenge=dns-01 --attestation-format=Apple --attestation-format=tpm "
        "--attestation-roots=root.crt --attestation-roots=roots.crt",
    ),
    "acme challenge": ("add n --type=ACME --challenge=email-01",),
    "acme format": ("add n --type=ACME --attestation-format=yubi",),
    "acme roots of a leaf": ("add n --type=ACME --attestation-roots=leaf.crt",),
    "acme template": ("add n --type=ACME --x509-template=leaf.tpl --x509-default-dur=2h",),
    "oidc": (f"add n --type=OIDC {_OIDC}",),
    "oidc all": (
        f"add n --type=OIDC {_OIDC} --client-secret=sesame --admin=a@example.com "
        "--admin=b@example.com --domain=example.com --group=ops --group=dev "
        "--listen-address=:10000 --tenant-id=t1",
    ),
    "oidc without id": (f"add n --type=OIDC --configuration-endpoint={_ROTATED}",),
    "oidc without endpoint": ("add n --type=OIDC --client-id=me",),
    "oidc endpoint": ("add n --type=OIDC --client-id=me --configuration-endpoint=ftp://x/y",),
    "x5c": ("add n --type=X5C --x5c-roots=root.crt",),
    "x5c two": ("add n --type=X5C --x5c-root=roots.crt",),
    "x5c leaf": ("add n --type=X5C --x5c-roots=leaf.crt",),
    "x5c none": ("add n --type=X5C",),
    "x5c no certificate": ("add n --type=X5C --x5c-roots=leaf.tpl",),
    "k8ssa": ("add n --type=K8SSA --public-key=keys.pem",),
    "k8ssa none": ("add n --type=K8SSA",),
    "k8ssa private": ("add n --type=K8SSA --public-key=p256.pem",),
    "nebula": ("add n --type=Nebula --nebula-root=nebula.crt",),
    "nebula with a host": ("add n --type=NEBULA --nebula-root=nebulas.crt",),
    "nebula host only": ("add n --type=Nebula --nebula-root=nebula-host.crt",),
    "nebula none": ("add n --type=Nebula",),
    "sshpop": ("add n --type=SSHPOP --x509-min-dur=1h",),
    "scep": ("add n --type=SCEP",),
    "scep all": (
        "add n --type=SCEP --force-cn --challenge=sesame --capabilities=AES "
        "--capabilities=SHA-256 --include-root --exclude-intermediate "
        "--min-public-key-length=2048 --encryption-algorithm-identifier=2 "
        "--scep-decrypter-certificate-file=decrypter.crt --scep-decrypter-key-file=rsa.pem",
    ),
    "scep two challenges": ("add n --type=SCEP --challenge=a --challenge=b",),
    "scep algorithm": ("add n --type=SCEP --encryption-algorithm-identifier=9",),
    "no such type": ("add n --type=LDAP",),
    "no name": ("add",),
    "update claims": (
        "add n --public-key=p256.pub.jwk --x509-min-dur=20m",
        "update n --x509-min-dur=30m --x509-max-dur=100h --disable-renewal --ssh=false",
    ),
    "update switch off": (
        "add n --type=ACME --force-cn --disable-renewal",
        "update n --force-cn=false --disable-renewal=false",
    ),
    "update templates": (
        "add n --public-key=p256.pub.jwk --x509-template=leaf.tpl --x509-template-data=data.json",
        "update n --x509-template=ssh.tpl",
    ),
    "update templates away": (
        "add n --public-key=p256.pub.jwk --x509-template=leaf.tpl --ssh-template=ssh.tpl",
        "update n --x509-template= --ssh-template=",
    ),
    "update name": ("add n --type=ACME", "update n --name=m"),
    "update name taken": ("add n --type=ACME", "update n --name=jane"),
    "update nobody": ("update n --x509-min-dur=1h",),
    "update key": (
        f"add n --create {_PASS}",
        "update n --public-key=p256.pub.jwk --private-key=p256.jwe",
    ),
    "update new key": ("add n --public-key=p256.pub.jwk", f"update n --create {_PASS}"),
    "update key away": (
        "add n --public-key=p256.pub.jwk --private-key=p256.jwe",
        "update n --private-key=",
    ),
    "update acme": (
        "add n --type=ACME --challenge=dns-01 --challenge=http-01 --attestation-format=tpm",
        "update n --challenge=tls-alpn-01 --remove-challenge=http-01 --require-eab "
        "--attestation-format=apple --remove-attestation-format=tpm --attestation-roots=root.crt",
    ),
    "update acme challenges away": (
        "add n --type=ACME --challenge=dns-01",
        "update n --remove-challenge=dns-01",
    ),
    "update oidc": (
        f"add n --type=OIDC {_OIDC} --admin=a@x.y --admin=b@x.y --admin=c@x.y --domain=x.y",
        "update n --client-secret=s --remove-admin=a@x.y --admin=d@x.y "
        "--domain=y.z --remove-domain=x.y --group=ops --tenant-id=t --listen-address=:1 "
        "--scope=email --auth-param=prompt=login",
    ),
    "update oidc lists": (
        f"add n --type=OIDC {_OIDC} --group=ops --group=dev",
        "update n --scope=email --scope=groups",
        "update n --remove-scope=email",
    ),
    "update oidc groups": (f"add n --type=OIDC {_OIDC} --group=a", "update n --remove-group=a"),
    "update oidc client": (f"add n --type=OIDC {_OIDC}", "update n --client-id=you"),
    "update oidc endpoint": (
        f"add n --type=OIDC {_OIDC}",
        "update n --configuration-endpoint=file:///etc/passwd",
    ),
    "update x5c": ("add n --type=X5C --x5c-roots=roots.crt", "update n --x5c-roots=root.crt"),
    "update k8ssa": (
        "add n --type=K8SSA --public-key=keys.pem",
        "update n --public-key=p256.pub.pem",
    ),
    "update nebula": (
        "add n --type=Nebula --nebula-root=nebula.crt",
        "update n --nebula-root=nebulas.crt --x509-max-dur=48h",
    ),
    "update sshpop": ("add n --type=SSHPOP", "update n --ssh-host-max-dur=2000h"),
    "update scep": (
        "add n --type=SCEP --capabilities=AES --challenge=old",
        "update n --capabilities=SHA-256 --include-root --min-public-key-length=4096 "
        "--encryption-algorithm-identifier=4",
    ),
    "remove": ("add n --type=ACME", "remove n"),
    "remove first": ("add n --type=ACME", "remove jane"),
    "remove nobody": ("remove n",),
}

WORKING: Final = frozenset(
    {
        "update name",
        "update key",
        "update new key",
        "update oidc client",
        "update oidc groups",
    }
)
"""Cases that step refuses: in a file it looks for the changed entry under its new id, and some
flags that its help names are unknown to it. With us they work."""


def files() -> dict[str, bytes]:
    """Make the files that the commands name; keys are new each time."""
    p256, rsa_key = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    edwards = ed25519.Ed25519PrivateKey.generate()
    root, other = (_certificate(name, p256, authority=True) for name in ("Root", "Other"))
    member = nebula.holder("ca", is_ca=True)
    host = nebula.holder("host", authority=member, networks=["10.0.0.1/16"])
    private = json.dumps(jwk.private_jwk(p256)).encode()
    bare = jwk.public_members(p256.public_key())
    public: dict[str, PublicKey] = {
        "p256": p256.public_key(),
        "rsa": rsa_key.public_key(),
        "ed25519": edwards.public_key(),
    }
    spki = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        **{f"{name}.pub.jwk": _json(jwk.public_jwk(key)) for name, key in public.items()},
        "bare.pub.jwk": _json(bare),
        "symmetric.jwk": _json({"kty": "oct", "k": "c2VzYW1lIHNlc2FtZSBzZXNhbWU"}),
        "p256.pub.pem": p256.public_key().public_bytes(*spki),
        "p256.pem": p256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "rsa.pem": rsa_key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ),
        "p256.jwk": private,
        "p256.jwe": _jwe(private),
        "password": PASSWORD.reveal(),
        "root.crt": root,
        "roots.crt": root + other,
        "leaf.crt": _certificate("Leaf", p256, authority=False),
        "decrypter.crt": _certificate("Decrypter", rsa_key, authority=False),
        "keys.pem": b"".join(
            key.public_bytes(*spki) for key in (public["p256"], public["rsa"], public["ed25519"])
        ),
        "nebula.crt": member.text.encode(),
        "nebulas.crt": (member.text + host.text).encode(),
        "nebula-host.crt": host.text.encode(),
        "leaf.tpl": b'{"subject": {{ toJson .Subject }}, "sans": {{ toJson .SANs }}}\n',
        "ssh.tpl": b'{"type": {{ toJson .Type }}, "keyId": {{ toJson .KeyID }}}\n',
        "data.json": b'{"organization": "Acme", "depth": [1, 2]}\n',
    }


def write(folder: Path, content: Mapping[str, bytes]) -> None:
    """Put them into a folder."""
    for name, octets in content.items():
        (folder / name).write_bytes(octets)


def comparable(provisioner: Mapping[str, Any]) -> dict[str, Any]:
    """Give an entry in a form in which two that mean the same are equal.

    Values that are off or usual are left out, but for claims, which win over those of the
    authority; the order of lists and the case of the type do not count; texts in base64 are their
    certificates or keys.
    """
    found = {key: value for key, value in provisioner.items() if not _is_off(value)}
    found["type"] = str(found["type"]).lower()
    if found.get("minimumPublicKeyLength") == _USUAL_LENGTH:
        del found["minimumPublicKeyLength"]
    for key in ("roots", "publicKeys", "attestationRoots", "decrypterCertificate"):
        if key in found:
            blocks = pem.blocks(base64.b64decode(found[key]))
            found[key] = [base64.b64encode(block.der).decode() for block in blocks]
    if "options" in found:
        found["options"] = {k: v for k, v in found["options"].items() if not _is_off(v)}
    for key, value in found.items():
        if isinstance(value, list) and key != "capabilities":
            found[key] = sorted(value)
    if "encryptedKey" in found:
        opened = json.loads(jwe.decrypt(str(found["encryptedKey"]), PASSWORD))
        matches = jwk.thumbprint(opened) == jwk.thumbprint(found["key"])
        found["encryptedKey"] = f"of the {'same' if matches else 'another'} key"
    return found


def with_described_key(entry: dict[str, Any], known: Mapping[str, bytes]) -> dict[str, Any]:
    """Describe a key that was made by its members, and check that its id is its thumbprint."""
    key = entry.get("key")
    if isinstance(key, dict) and key not in _known(known):
        assert key["kid"] == jwk.thumbprint(key)
        entry["key"] = {
            name: "…" if name in ("kid", "x", "y") else value for name, value in key.items()
        }
    return entry


def _known(content: Mapping[str, bytes]) -> list[Any]:
    return [json.loads(each) for name, each in content.items() if name.endswith(".pub.jwk")]


def _is_off(value: object) -> bool:
    if isinstance(value, dict):
        return all(_is_off(each) for each in value.values() if each is not False)
    return not value


def _json(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members).encode()


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, *, authority: bool
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    usage = x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=authority,
        crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=9000))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def _jwe(secret: bytes) -> bytes:
    entropy = bytes(range(jwe.ENTROPY))
    return jwe.encrypt(secret, PASSWORD, entropy=entropy, iterations=1000).encode()
