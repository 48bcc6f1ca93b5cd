"""Requests to a CA's SSH routes, good and bad, and what of an answer must be the same everywhere.

As with exchanges.py, the list is sent to step-ca (record_ssh.py, which writes
golden/ssh_exchanges.json) and to ours (test_ssh_golden.py), each a process with the same ca.json.
"""

import base64
import json
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeAlias

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats.ssh import certificate as ssh_certificate
from appliance.formats.ssh import keys
from appliance.formats.ssh.certificate import SshCertificate
from tests.support.load import Provisioner
from tests.support.openssh import key_blob, new_key
from tests.web.exchanges import HEADERS, Received, Sent
from tests.web.exchanges import World as X509World

GOLDEN = Path(__file__).parent / "golden" / "ssh_exchanges.json"
_NEAR = 30  # seconds that a run may take between a request and a look at its answer

Post: TypeAlias = Callable[[Sent], Received]
Case: TypeAlias = Callable[["World"], Sent]
CASES: dict[str, Case] = {}


class World(X509World):
    """The files of a CA with SSH keys, and what was issued on the way."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.closed = Provisioner.generate("closed")
        self.user_ca, self.host_ca = new_key(), new_key()
        self.made: dict[str, tuple[SshCertificate, ec.EllipticCurvePrivateKey]] = {}

    def configuration(self) -> dict[str, Any]:
        """Write the files, and give a ca.json for them."""
        config = super().configuration()
        for name, key in (("user_key", self.user_ca), ("host_key", self.host_ca)):
            octets = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_bytes(octets)
        config["ssh"] = {
            "userKey": str(self.folder / "user_key"),
            "hostKey": str(self.folder / "host_key"),
            "bastion": {"hostname": "bastion.test", "user": "jump", "port": "22", "cmd": "c"},
        }
        ssh = {"enableSSHCA": True}
        short = ssh | {
            "minUserSSHCertDuration": "1m", "maxUserSSHCertDuration": "1h",
            "defaultUserSSHCertDuration": "10m", "disableRenewal": True,
        }  # fmt: skip
        config["authority"]["provisioners"] = [
            self.load.entry() | {"claims": ssh},
            self.short.entry() | {"claims": short},
            self.closed.entry(),
            {"type": "SSHPOP", "name": "sshpop", "claims": ssh},
        ]
        return config

    # ---- bodies

    def token(
        self, subject: str, ssh: Mapping[str, Any] | None, by: str = "load", **changes: Any
    ) -> str:
        """A token for /ssh/sign; without `ssh` it says nothing of the certificate."""
        provisioner: Provisioner = getattr(self, by)
        claims = {"aud": "https://localhost/ssh/sign"} | changes
        if ssh is not None:
            claims["step"] = {"ssh": dict(ssh)}
        return provisioner.token(subject, [], **claims)

    def ask(
        self,
        ssh: Mapping[str, Any] | None,
        *,
        key: ec.EllipticCurvePrivateKey | None = None,
        blob: bytes = b"",
        token: Mapping[str, Any] | None = None,
        by: str = "load",
        **changes: Any,
    ) -> bytes:
        """A body for /ssh/sign, with members replaced or (None) removed."""
        blob = blob or keys.of_key((key or new_key()).public_key()).blob
        body = {
            "publicKey": base64.b64encode(blob).decode(),
            "ott": self.token("alice", ssh, by, **(token or {})),
        } | changes
        return json.dumps({k: v for k, v in body.items() if v is not None}).encode()

    def obtain(self, post: Post, name: str, **ssh: Any) -> None:
        """Have a certificate issued and keep it with its key."""
        key = new_key()
        by = ssh.pop("by", "load")
        answer = post(Sent(method="POST", path="/ssh/sign", body=self.ask(ssh, key=key, by=by)))
        assert answer.status == 201, answer.body
        blob = base64.b64decode(json.loads(answer.body)["crt"])
        self.made[name] = ssh_certificate.parse(blob), key

    def pop(self, name: str, operation: str, **changes: Any) -> str:
        """A token that a certificate's holder makes."""
        made, key = self.made[name]
        now = int(time.time())
        signer = changes.pop("signer", key)
        claims = {
            "iss": "sshpop", "sub": str(made.serial), "iat": now, "nbf": now, "exp": now + 300,
            "jti": secrets.token_hex(16),
            "aud": f"https://localhost/ssh/{operation}#sshpop/sshpop",
        } | changes  # fmt: skip
        shown = base64.b64encode(made.blob).decode()
        return jwt.encode(claims, signer, algorithm="ES256", headers={"sshpop": shown})

    # ---- answers

    def reduced(self, received: Received) -> dict[str, Any]:
        """Keep what a client can depend on."""
        found: dict[str, Any] = {"status": received.status}
        headers = {name: received.headers[name] for name in HEADERS if name in received.headers}
        found["headers"] = headers
        if received.status >= 400:
            return found
        body = json.loads(received.body)
        for name in ("crt", "addUserCrt"):
            if body.get(name):
                body[name] = self._said(ssh_certificate.parse(base64.b64decode(body[name])))
        for name in ("userKey", "hostKey"):
            if name in body:
                body[name] = [self._whose(base64.b64decode(each)) for each in body[name]]
        if "hosts" in body:  # in no order
            body["hosts"].sort(key=lambda each: str(each["hostname"]))
        for name in ("userTemplates", "hostTemplates"):
            for each in body.get(name) or ():
                each["content"] = self._named(base64.b64decode(each["content"]).decode())
        return found | {"body": body}

    def _named(self, text: str) -> str:
        for name, key in (("user", self.user_ca), ("host", self.host_ca)):
            text = text.replace(keys.of_key(key.public_key()).text, f"<the {name} CA>")
        return text

    def _said(self, made: SshCertificate) -> dict[str, Any]:
        after = made.valid_after - int(time.time())
        assert made.signature is not None
        assert made.is_signed_by([made.signature_key])
        return {
            "type": made.type.label,
            "key": made.key.type,
            "key id": made.key_id,
            "principals": list(made.principals),
            "from now": round(after / _NEAR) * _NEAR,
            "seconds": made.valid_before - made.valid_after,
            "critical": dict(made.critical_options),
            "extensions": dict(made.extensions),
            "nonce": len(made.nonce),
            "signed by": self._whose(made.signature_key.blob),
            "signature": made.signature.format,
        }

    def _whose(self, blob: bytes) -> str:
        for name, key in (("user", self.user_ca), ("host", self.host_ca)):
            if keys.of_key(key.public_key()).blob == blob:
                return f"the {name} CA"
        return "nobody"


# ---- what is asked

USER = {"certType": "user", "keyID": "alice", "principals": ["alice", "admin"]}
HOST = {"certType": "host", "keyID": "web.test", "principals": ["web.test"]}


def signing(name: str, ssh: Mapping[str, Any] | None = USER, **changes: Any) -> None:
    """Add a request to sign; a `make` gives some of its members when the time has come."""
    kind = changes.pop("kind", "")
    path = changes.pop("path", "/ssh/sign")

    def made(world: World) -> Sent:
        blob = key_blob(kind) if kind else b""
        return Sent(method="POST", path=path, body=world.ask(ssh, blob=blob, **changes))

    CASES[f"sign: {name}"] = made


signing("a user")
signing("a host", HOST)
signing("by its other name", path="/sign-ssh")
signing("below /1.0", path="/1.0/ssh/sign")
signing("a token that says nothing", {})
signing("a token without step.ssh", None)
signing("a token that says nothing, a request for a host", {}, certType="host")
signing("a token that says nothing, all in the request", {}, certType="user", keyID="bob",
        principals=["bob"])  # fmt: skip
signing("the same in request and token", certType="user", keyID="alice",
        principals=["alice", "admin"])  # fmt: skip
signing("another type", certType="host")
signing("a type that is none", certType="robot")
signing("a type that is none in the token", {"certType": "robot"})
signing("another key id", keyID="bob")
signing("fewer principals", principals=["alice"])
signing("principals in another order and case", principals=["ADMIN", "alice"])
signing("a principal more", principals=["alice", "admin", "root"])
signing("another principal", principals=["root"])
signing("an empty principal", principals=["alice", ""])
signing("an empty principal in the token", USER | {"principals": ["alice", ""]})
signing("a token without principals", {"certType": "user", "keyID": "alice"})
signing("a token without principals, some in the request",
        {"certType": "user", "keyID": "alice"}, principals=["alice"])  # fmt: skip
signing("a host without principals", {"certType": "host", "keyID": "web.test"})
signing("principals that are no list", principals="alice")
signing("for an hour", validBefore="1h")
signing("later, for an hour from now", validAfter="10m", validBefore="1h")
signing("the end before the beginning", validAfter="1h", validBefore="10m")
signing("in the past", validAfter="-2h", validBefore="-1h")
signing("too long", validBefore="25h")
signing("too short", validBefore="1m")
signing("a time that is none", validBefore="tomorrow")
signing("a beginning in the past", validAfter="-1h")
signing("the token's times", USER | {"validBefore": "30m"})
signing("the token's times before the request's", USER | {"validBefore": "30m"}, validBefore="1h")
signing("a host too long", HOST, validBefore="721h")
signing("a host for a month", HOST, validBefore="720h")
signing("the default of a provisioner", by="short")
signing("more than a provisioner's most", by="short", validBefore="2h")
signing("a provisioner's least", by="short", validBefore="1m")
signing("a provisioner without SSH", by="closed")
for _kind in ("P-384", "P-521", "Ed25519", "RSA-2048", "RSA-1024", "DSA-1024", "sk-ecdsa",
              "sk-ed25519"):  # fmt: skip
    signing(f"a key of {_kind}", kind=_kind)
signing("no key", publicKey=None)
signing("a key that is none", publicKey="AAAA")
signing("a key that is no base64", publicKey="!!!")
signing("no token", ott=None)
signing("a token that is none", ott="a.b.c")
signing("a token for X.509", token={"aud": "https://localhost/1.0/sign"})
signing("a token for renewal", token={"aud": "https://localhost/ssh/renew"})
signing("a token for the other name", token={"aud": "https://localhost/1.0/ssh/sign"})
signing("a token that has ended", token={"exp": 1_000_000_000})
signing("a token of another host", token={"aud": "https://elsewhere.test/ssh/sign"})
signing("template data that nobody asks for", templateData={"a": 1})
signing("a user to add", USER | {"principals": ["alice"]},
        addUserPublicKey=base64.b64encode(key_blob("P-256")).decode())  # fmt: skip
signing("a user to add with an email", USER | {"principals": ["alice", "alice@x.test"]},
        addUserPublicKey=base64.b64encode(key_blob("P-256")).decode())  # fmt: skip
signing("a user to add with two names",
        addUserPublicKey=base64.b64encode(key_blob("P-256")).decode())  # fmt: skip
signing("a host to add", HOST, addUserPublicKey=base64.b64encode(key_blob("P-256")).decode())
signing("a user to add by a key that is none", addUserPublicKey="AAAA")


def case(name: str, path: str, make: Callable[[World], object], method: str = "POST") -> None:
    """Add a request whose body is octets, or a value for JSON, or nothing."""

    def made(world: World) -> Sent:
        body = make(world)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return Sent(method=method, path=path, body=body or b"")

    CASES[name] = made


case("sign: no JSON", "/ssh/sign", lambda _: b"{")
case("sign: nothing", "/ssh/sign", lambda _: b"")
case("sign: a used token", "/ssh/sign", lambda world: world.ask(USER, ott=world.tokens["used"]))
case("sign: GET", "/ssh/sign", lambda _: None, "GET")

for _operation in ("renew", "rekey"):
    _path = f"/ssh/{_operation}"

    def _holding(  # the loop's variable must be held
        name: str, operation: str = _operation, **changes: Any
    ) -> Callable[[World], object]:
        def body(world: World) -> object:
            given = dict(changes)
            if given.pop("foreign", False):
                given["signer"] = new_key()
            token = world.pop(name, given.pop("operation", operation), **given)
            found = {"ott": token}
            if operation == "rekey":
                found["publicKey"] = keys.of_key(new_key().public_key()).text
            return found

        return body

    case(f"{_operation}: a host", _path, _holding("host.test"))
    case(f"{_operation}: below /1.0", f"/1.0{_path}", _holding("host.test"))
    case(f"{_operation}: a user", _path, _holding("user"))
    case(f"{_operation}: a host for an hour", _path, _holding("brief.test"))
    case(f"{_operation}: a revoked host", _path, _holding("revoked.test"))
    case(f"{_operation}: a token of another key", _path, _holding("host.test", foreign=True))
    case(f"{_operation}: a token that has ended", _path, _holding("host.test", exp=10**9))
    case(f"{_operation}: another subject", _path, _holding("host.test", sub="77"))
    case(f"{_operation}: a token for revoking", _path, _holding("host.test", operation="revoke"))
    case(f"{_operation}: another issuer", _path, _holding("host.test", iss="load"))
    case(f"{_operation}: a provisioner's token", _path,
         lambda world, operation=_operation: {  # type: ignore[misc]
             "ott": world.load.token("x", [], aud=f"https://localhost/ssh/{operation}"),
             "publicKey": keys.of_key(new_key().public_key()).text,
         })  # fmt: skip
    case(f"{_operation}: no token", _path, lambda _: {})
    case(f"{_operation}: no JSON", _path, lambda _: b"[")
case("rekey: no key", "/ssh/rekey", lambda world: {"ott": world.pop("host.test", "rekey")})
case("rekey: a key that is none", "/ssh/rekey",
     lambda world: {"ott": world.pop("host.test", "rekey"), "publicKey": "AAAA"})  # fmt: skip
case("rekey: a small key", "/ssh/rekey",
     lambda world: {"ott": world.pop("host.test", "rekey"),
                    "publicKey": base64.b64encode(key_blob("RSA-1024")).decode()})  # fmt: skip


def revoking(name: str, whose: str = "gone.test", *, by_load: bool = False, **changes: Any) -> None:
    """Add a revocation, by its holder's token or by the provisioner's."""

    def body(world: World) -> object:
        serial = str(world.made[whose][0].serial)
        if by_load:
            token = world.load.token(serial, [], aud="https://localhost/ssh/revoke")
        else:
            token = world.pop(whose, "revoke")
        found = {"serial": serial, "ott": token, "reasonCode": 1, "passive": True} | changes
        return {k: v for k, v in found.items() if v is not None}

    case(f"revoke: {name}", "/ssh/revoke", body)


revoking("another serial", serial="77")
revoking("no serial", serial=None)
revoking("a serial that is no number", serial="web")
revoking("a serial in hexadecimal", serial="0x1f")
revoking("a reason that is none", reasonCode=11)
revoking("not passive", passive=False)
revoking("no token", ott=None)
revoking("by its holder")
revoking("by its holder, again")
revoking("a user, by its holder", "user")
revoking("by a provisioner", "other.test", by_load=True)
revoking("by a provisioner, again", "other.test", by_load=True)
case("revoke: an unknown one by a provisioner", "/1.0/ssh/revoke",
     lambda world: {"serial": "1234567", "passive": True,
                    "ott": world.load.token("1234567", [], aud="https://localhost/ssh/revoke")},
     )  # fmt: skip
case("revoke: no JSON", "/ssh/revoke", lambda _: b"no")

for _name in ("roots", "federation", "hosts", "get-hosts"):
    case(f"{_name}", f"/ssh/{_name}", lambda _: None, "GET")
    case(f"{_name}: POST", f"/ssh/{_name}", lambda _: {})
case("config: no templates", "/ssh/config", lambda _: {"type": "user"})
case("config: a type that is none", "/ssh/config", lambda _: {"type": "robot"})
case("config: no JSON", "/ssh/config", lambda _: b"no")
for _principal in ("host.test", "HOST.TEST", "nobody.test", "alice", ""):
    case(f"check-host: {_principal or 'none'}", "/ssh/check-host",
         lambda _, principal=_principal: {  # type: ignore[misc]
             "type": "host", "principal": principal})  # fmt: skip
case("check-host: a user", "/ssh/check-host", lambda _: {"type": "user", "principal": "alice"})
case("check-host: no type", "/ssh/check-host", lambda _: {"principal": "host.test"})
case("check-host: no JSON", "/ssh/check-host", lambda _: b"no")
case("bastion", "/ssh/bastion", lambda _: {"user": "alice", "hostname": "web.test"})
case("bastion: itself", "/ssh/bastion", lambda _: {"user": "alice", "hostname": "bastion.test"})
case("bastion: no host", "/ssh/bastion", lambda _: {"user": "alice"})
case("bastion: no JSON", "/ssh/bastion", lambda _: b"no")


WITHOUT_KEYS = (
    "sign: a user", "sign: no JSON", "renew: no token", "rekey: no token", "roots", "federation",
    "revoke: an unknown one by a provisioner", "revoke: no JSON", "hosts",
    "config: no templates", "config: no JSON", "check-host: host.test", "check-host: a user",
    "bastion", "bastion: no host",
)  # fmt: skip
"""What is asked again of a CA whose ca.json names no SSH keys."""


class WithoutKeys(World):
    """The same CA without SSH."""

    def configuration(self) -> dict[str, Any]:
        """Give a ca.json without `ssh`."""
        config = super().configuration()
        del config["ssh"]
        return config


Served: TypeAlias = Callable[[World], AbstractContextManager[Post]]


def run(served: Served, folder: Path) -> dict[str, Any]:
    """Send every case to CAs that are served for it; give what each answer is reduced to."""
    world, plain = World(folder / "with"), WithoutKeys(folder / "without")
    with served(world) as post:
        _prepare(world, post)
        found = _asked(world, post, CASES)
    with served(plain) as post:
        asked = _asked(plain, post, {name: CASES[name] for name in WITHOUT_KEYS})
    return found | {f"without keys: {name}": answer for name, answer in asked.items()}


def names() -> list[str]:
    """Name every case."""
    return [*CASES, *(f"without keys: {name}" for name in WITHOUT_KEYS)]


def _prepare(world: World, post: Post) -> None:
    """Have issued, used and revoked what the cases need."""
    for name in ("host.test", "revoked.test", "gone.test", "other.test"):
        world.obtain(post, name, certType="host", keyID=name, principals=[name])
    world.obtain(
        post, "brief.test", certType="host", keyID="", principals=["brief.test"], validBefore="1h"
    )
    world.obtain(post, "user", **USER)
    serial = str(world.made["revoked.test"][0].serial)
    body = {"serial": serial, "ott": world.pop("revoked.test", "revoke"), "passive": True}
    answer = post(Sent(method="POST", path="/ssh/revoke", body=json.dumps(body).encode()))
    assert answer.status == 200, answer.body
    world.tokens["used"] = world.token("alice", USER)
    post(Sent(method="POST", path="/ssh/sign", body=world.ask(USER, ott=world.tokens["used"])))


def _asked(world: World, post: Post, cases: Mapping[str, Case]) -> dict[str, Any]:
    results = {}
    for name, make in cases.items():
        try:
            results[name] = world.reduced(post(make(world)))
        except (AssertionError, ValueError) as error:
            raise AssertionError(f"{name}: {error}") from error
    return results
