"""What a client asks a CA about hosts and about its own set-up, as Connection.get raises."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from appliance.client.connection import Connection
from appliance.model.errors import Broken
from appliance.model.ssh import CertificateType
from appliance.model.ssh_files import FileType, RenderedFile

_TYPES: Final = {each.value: each for each in FileType}


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host that has a certificate."""

    name: str
    id: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class Bastion(msgspec.Struct, frozen=True, kw_only=True):
    """The host over which others are reached."""

    hostname: str = ""
    user: str = ""
    port: str = ""
    command: str = msgspec.field(name="cmd", default="")
    flags: str = ""


class _File(msgspec.Struct):
    name: str
    type: str
    path: str
    comment: str = ""
    content: str | None = None


class _Files(msgspec.Struct):
    user: list[_File] | None = msgspec.field(name="userTemplates", default=None)
    host: list[_File] | None = msgspec.field(name="hostTemplates", default=None)


class _Exists(msgspec.Struct):
    exists: bool


class _Tag(msgspec.Struct, rename="pascal"):
    name: str = ""
    value: str = ""


class _Host(msgspec.Struct):
    hostname: str
    hid: str = ""
    host_tags: list[_Tag] | None = None


class _Hosts(msgspec.Struct):
    hosts: list[_Host] | None = None


class _Way(msgspec.Struct):
    bastion: Bastion | None = None


async def files(
    connection: Connection, kind: CertificateType, data: Mapping[str, str]
) -> list[RenderedFile]:
    """Get the files that set up a client, or a host, of which `data` speaks."""
    body = {"type": kind.label, "data": data}
    said = await connection.post("/ssh/config", _Files, body)
    listed = said.user if kind is CertificateType.USER else said.host
    return [_rendered(each) for each in listed or ()]


async def has_certificate(connection: Connection, principal: str) -> bool:
    """Ask whether a host has a certificate."""
    body = {"type": CertificateType.HOST.label, "principal": principal}
    return (await connection.post("/ssh/check-host", _Exists, body)).exists


async def hosts(connection: Connection) -> list[Host]:
    """Get the hosts that have certificates."""
    said = await connection.get("/ssh/hosts", _Hosts)
    return [
        Host(
            name=each.hostname,
            id=each.hid,
            tags=tuple((tag.name, tag.value) for tag in each.host_tags or ()),
        )
        for each in said.hosts or ()
    ]


async def bastion(connection: Connection, user: str, hostname: str) -> Bastion | None:
    """Ask over which host another is reached; None: directly."""
    body = {"user": user, "hostname": hostname}
    found = (await connection.post("/ssh/bastion", _Way, body)).bastion
    return found if found is not None and found.hostname else None


def _rendered(file: _File) -> RenderedFile:
    try:
        content = base64.b64decode(file.content or "", validate=True)
    except binascii.Error as error:
        raise Broken(f"the CA sent a file that cannot be read: {file.name}") from error
    return RenderedFile(
        name=file.name,
        # step takes a type that it does not know for this one, which spares what is there
        type=_TYPES.get(file.type, FileType.SNIPPET),
        path=file.path,
        comment=file.comment,
        content=content,
    )
