"""The SSH routes that tell clients how to be set up, which hosts there are and how to get there."""

import base64
from collections.abc import Mapping
from typing import Any, Final

from appliance.authority.ssh.configuration import SshConfiguration
from appliance.authority.ssh.hosts import SshHosts
from appliance.config.settings import BastionSettings
from appliance.issuance.ssh.requests import TYPES
from appliance.model.errors import BadRequest
from appliance.model.ssh import CertificateType
from appliance.model.ssh_files import RenderedFile
from appliance.web import answers, wirejson
from appliance.web.http import Request, Response, Route

_CONFIG: Final[Mapping[str, type]] = {"type": str, "data": dict}
_CHECK: Final[Mapping[str, type]] = {"type": str, "principal": str, "token": str}
_BASTION: Final[Mapping[str, type]] = {"user": str, "hostname": str}


class SshHostEndpoints:
    """The routes that need no credential."""

    def __init__(self, configuration: SshConfiguration, hosts: SshHosts) -> None:
        self._configuration = configuration
        self._hosts = hosts

    def routes(self) -> list[Route]:
        """Give them."""
        return [
            Route(method="POST", path="/ssh/config", endpoint=self.config),
            # What stands there is not looked at, as in step-ca: the body says it.
            Route(method="POST", path="/ssh/config/{type}", endpoint=self.config),
            Route(method="POST", path="/ssh/check-host", endpoint=self.check_host),
            Route(method="GET", path="/ssh/hosts", endpoint=self.hosts),
            Route(method="GET", path="/ssh/get-hosts", endpoint=self.hosts),
            Route(method="POST", path="/ssh/bastion", endpoint=self.bastion),
        ]

    async def config(self, request: Request) -> Response:
        """Give the files that set up a client, or a host."""
        asked = wirejson.decode_object(request.body, _CONFIG)
        kind = TYPES.get(asked["type"] or CertificateType.USER.label)
        if kind is None:
            raise BadRequest(f"invalid type '{asked['type'][:60]}': it must be user or host")
        files = await self._configuration.files(kind, _texts(asked["data"]))
        body = {f"{kind.label}Templates": [_file(each) for each in files]} if files else {}
        return answers.answer(body)

    async def check_host(self, request: Request) -> Response:
        """Say whether a host has a certificate."""
        asked = wirejson.decode_object(request.body, _CHECK)
        if asked["type"] != CertificateType.HOST.label:
            raise BadRequest(f"unsupported type '{asked['type'][:60]}': it must be host")
        if not asked["principal"]:
            raise BadRequest("missing or empty principal")
        exists = await self._hosts.has_certificate(asked["principal"])
        return answers.answer({"exists": exists})

    async def hosts(self, request: Request) -> Response:
        """List the hosts that have certificates."""
        names = await self._hosts.names()
        return answers.answer(
            {"hosts": [{"hid": "", "host_tags": None, "hostname": each} for each in names]}
        )

    async def bastion(self, request: Request) -> Response:
        """Say over which host another is reached."""
        asked = wirejson.decode_object(request.body, _BASTION)
        if not asked["hostname"]:
            raise BadRequest("missing or empty hostname")
        bastion = self._hosts.bastion(asked["hostname"])
        body: dict[str, Any] = {"hostname": asked["hostname"]}
        if bastion is not None:
            body["bastion"] = _bastion(bastion)
        return answers.answer(body)


def _texts(data: Mapping[str, object]) -> dict[str, str]:
    """Read an object of texts, where null is an empty one. Raises BadRequest."""
    for name, value in data.items():
        if value is not None and not isinstance(value, str):
            raise BadRequest(f'"data" must have texts only, and {name[:60]!r} is none')
    return {name: str(value or "") for name, value in data.items()}


def _file(file: RenderedFile) -> Mapping[str, object]:
    return {
        "name": file.name,
        "type": file.type.value,
        "path": file.path,
        "comment": file.comment,
        "content": base64.b64encode(file.content).decode("ascii") if file.content else None,
    }


def _bastion(bastion: BastionSettings) -> Mapping[str, str]:
    optional = {
        "user": bastion.user,
        "port": bastion.port,
        "cmd": bastion.command,
        "flags": bastion.flags,
    }
    return {"hostname": bastion.hostname} | {name: text for name, text in optional.items() if text}
