"""What `ssh config` writes at a client: templates rendered with the CA's keys and what it says.

Templates see `.Step.SSH` (the CA's keys), `.User` (what the client sent; absent when that is
nothing) and whatever `templates.data` has. They may call sprig's functions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.formats.gotemplate import decoding, template
from appliance.formats.gotemplate.functions import sprig
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.signatures import (
    STRING,
    UINT8,
    Field,
    Function,
    Kind,
    Type,
    map_of,
    slice_of,
)
from appliance.formats.gotemplate.values import Pointer, Struct, TypedBytes, TypedList, TypedMap
from appliance.formats.ssh import keys, wire
from appliance.formats.ssh.keys import SshPublicKey
from appliance.model.errors import BadRequest, Broken, FormatError
from appliance.model.ssh_files import FileTemplate, FileType, RenderedFile

VERSION: Final = "StepSSHTemplateVersion"
"""What clients say that know files which begin with a line of ours; older ones do not say it."""

_INCLUDES: Final = "step_includes.tpl"
_BASE: Final = "${STEPPATH}/"
_TEXTS: Final = map_of(STRING, STRING)
_PUBLIC_KEY: Final = Type(name="ssh.PublicKey", kind=Kind.INTERFACE, defined=True)
_KEYS: Final = slice_of(_PUBLIC_KEY)
_SSH: Final = Type(
    name="templates.StepSSH",
    kind=Kind.STRUCT,
    fields=(
        Field(name="HostKey", type=_PUBLIC_KEY, json="HostKey"),
        Field(name="UserKey", type=_PUBLIC_KEY, json="UserKey"),
        Field(name="HostFederatedKeys", type=_KEYS, json="HostFederatedKeys"),
        Field(name="UserFederatedKeys", type=_KEYS, json="UserFederatedKeys"),
    ),
    defined=True,
)
_STEP: Final = Type(
    name="templates.Step",
    kind=Kind.STRUCT,
    fields=(Field(name="SSH", type=_SSH, json="SSH"),),
    defined=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKeys:
    """The CA's keys, as templates see them; None where the CA has no such key."""

    host: SshPublicKey | None = None
    user: SshPublicKey | None = None
    federated_host: Sequence[SshPublicKey] = ()
    federated_user: Sequence[SshPublicKey] = ()


def render(
    given: FileTemplate,
    known: KnownKeys,
    common: Mapping[str, object],
    user: Mapping[str, str],
    context: FunctionContext,
) -> RenderedFile:
    """Render one template for a client that sent `user`.

    Raises BadRequest when the client did not say what the template requires, Broken when the
    template itself is wrong.
    """
    for name in given.requires:
        if name not in user:
            raise BadRequest(
                f"required variable '{name}' is missing: set it with `--set {name}=<value>`"
            )
    kind, path = given.type, given.path
    if given.name == _INCLUDES and not user.get(VERSION):
        kind, path = FileType.FILE, path.removeprefix(_BASE)
    content = b""
    if given.type is not FileType.DIRECTORY:
        content = _rendered(given, _data(known, common, user), context)
    return RenderedFile(
        name=given.name, type=kind, path=path, comment=given.comment, content=content
    )


def _rendered(given: FileTemplate, data: dict[str, Any], context: FunctionContext) -> bytes:
    if given.problem:
        raise _broken(given, given.problem)
    try:
        return template.parse(given.text, sprig(context), name=given.name).render_octets(data)
    except FormatError as error:
        raise _broken(given, error.public) from error


def _broken(given: FileTemplate, reason: str) -> Broken:
    return Broken("an SSH template of this CA cannot be rendered", detail=f"{given.name}: {reason}")


def _data(
    known: KnownKeys, common: Mapping[str, object], user: Mapping[str, str]
) -> dict[str, Any]:
    """Give what the template sees; made anew for each, since templates may change it."""
    data: dict[str, Any] = {"User": TypedMap(user, go_type=_TEXTS)} if user else {}
    ssh = Struct(
        _SSH,
        {
            "HostKey": _key(known.host),
            "UserKey": _key(known.user),
            "HostFederatedKeys": _listed(known.federated_host),
            "UserFederatedKeys": _listed(known.federated_user),
        },
    )
    return {**data, **decoding.from_decoded(common), "Step": Struct(_STEP, {"SSH": ssh})}


def _listed(found: Sequence[SshPublicKey]) -> TypedList:
    return TypedList(map(_key, found), go_type=_KEYS, nil=not found)


def _key(key: SshPublicKey | None) -> Any:
    """Give a key the type that it has in Go, which is another for each kind."""
    if key is None:
        return None
    if isinstance(key.key, Ed25519PublicKey):
        return TypedBytes(key.key.public_bytes_raw(), go_type=_ED25519)
    go_type = _RSA if isinstance(key.key, RSAPublicKey) else _ECDSA
    return Pointer(go_type, Struct(_OPAQUE, {"key": key}))


def _pointer(name: str) -> Type:
    return Type(
        name=name,
        kind=Kind.POINTER,
        element=_OPAQUE,
        methods={
            "Type": Function(call=lambda key: key.target.values["key"].type),
            "Marshal": Function(call=lambda key: key.target.values["key"].blob),
        },
    )


_OPAQUE: Final = Type(name="ssh.key", kind=Kind.STRUCT, defined=True)
_RSA: Final = _pointer("*ssh.rsaPublicKey")
_ECDSA: Final = _pointer("*ssh.ecdsaPublicKey")
_ED25519: Final = Type(
    name="ssh.ed25519PublicKey",
    kind=Kind.SLICE,
    element=UINT8,
    methods={
        "Type": Function(call=lambda _: keys.ED25519),
        "Marshal": Function(call=lambda octets: wire.strings((keys.ED25519, bytes(octets)))),
    },
    defined=True,
)
