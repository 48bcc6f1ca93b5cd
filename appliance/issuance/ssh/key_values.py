"""What templates see of SSH keys and of requests for SSH certificates, as step has it in Go."""

from collections.abc import Mapping
from typing import Any, Final

from appliance.formats.gotemplate.signatures import (
    INTERFACE,
    STRING,
    UINT8,
    Function,
    Kind,
    Type,
    slice_of,
)
from appliance.formats.gotemplate.values import Pointer, Struct, TypedBytes, TypedList
from appliance.formats.ssh import keys
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance import go_values
from appliance.issuance.go_values import getter, plain_field, struct_type
from appliance.issuance.ssh.requests import SshSigningRequest

TEXTS: Final = slice_of(STRING)
_REQUEST: Final = struct_type(
    "sshutil.CertificateRequest",
    plain_field("Key", INTERFACE),
    plain_field("Type", STRING),
    plain_field("KeyID", STRING),
    plain_field("Principals", TEXTS),
)
_NAMES: Final[Mapping[str, str]] = {
    keys.RSA: "rsaPublicKey",
    keys.SK_ECDSA: "skECDSAPublicKey",
    keys.SK_ED25519: "skEd25519PublicKey",
}


def texts(items: tuple[str, ...] | None) -> TypedList:
    """Make a []string; None is nil."""
    return TypedList(items or (), go_type=TEXTS, nil=items is None)


def request(asked: SshSigningRequest) -> Struct:
    """Make `.Insecure.CR`."""
    return Struct(
        _REQUEST,
        {
            "Key": public_key(asked.public_key),
            "Type": asked.type,
            "KeyID": asked.key_id,
            "Principals": texts(asked.principals or None),
        },
    )


def public_key(key: SshPublicKey) -> Any:
    """Make an ssh.PublicKey, whose methods `Type` and `Marshal` templates call."""
    methods: Mapping[str, Function] = {
        "Type": getter(lambda _: key.type),
        "Marshal": getter(lambda _: key.blob),
        "CryptoPublicKey": getter(lambda _: go_values.public_key(key.key)),
    }
    if key.type == keys.ED25519:
        go_type = Type(
            name="ssh.ed25519PublicKey",
            kind=Kind.SLICE,
            element=UINT8,
            methods=methods,
            defined=True,
        )
        return TypedBytes(go_values.public_key(key.key), go_type=go_type)
    name = f"ssh.{_NAMES.get(key.type, 'ecdsaPublicKey')}"
    inner = go_values.public_key(key.key)
    if isinstance(inner, Pointer):
        struct = Type(name=name, kind=Kind.STRUCT, fields=inner.target.go_type.fields, defined=True)
        values = inner.target.values
    else:
        struct = struct_type(name, plain_field("PublicKey", inner.go_type))
        values = {"PublicKey": inner}
    pointer = Type(name=f"*{name}", kind=Kind.POINTER, element=struct, methods=methods)
    return Pointer(pointer, Struct(struct, values))
