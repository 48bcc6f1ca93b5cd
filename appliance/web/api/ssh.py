"""The SSH routes that make or end certificates, and those that tell the authority's keys."""

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from appliance.authority.reporting import Context
from appliance.authority.ssh.revocation import SshRevocationAuthority, SshRevokeRequest
from appliance.authority.ssh.signing import SshAuthority, SshIssued, SshSignRequest
from appliance.authority.x509 import X509Authority
from appliance.authority.x509_recording import Issued
from appliance.formats import pem, timeorduration
from appliance.formats.ssh import keys
from appliance.formats.ssh.keys import SshPublicKey
from appliance.issuance import requests as csrs
from appliance.issuance.requests import SigningRequest
from appliance.issuance.ssh import periods, requests
from appliance.issuance.ssh.requests import SshSigningRequest
from appliance.model.errors import BadRequest, FormatError, NotFound
from appliance.model.ssh import CertificateType
from appliance.web import answers, wirejson
from appliance.web.api import asking, logfields
from appliance.web.api.asking import context
from appliance.web.api.reading import constant
from appliance.web.http import Endpoint, Request, Response, Route

_SIGN: Final[Mapping[str, type]] = {
    "publicKey": str,
    "ott": str,
    "certType": str,
    "keyID": str,
    "principals": list,
    "validAfter": str,
    "validBefore": str,
    "addUserPublicKey": str,
    "identityCSR": object,
    "templateData": object,
}
_RENEW: Final[Mapping[str, type]] = {"ott": str}
_REKEY: Final[Mapping[str, type]] = {"ott": str, "publicKey": str}
_REVOKE: Final[Mapping[str, type]] = {
    "serial": str,
    "ott": str,
    "reasonCode": int,
    "reason": str,
    "passive": bool,
}


class SshEndpoints:
    """The routes of the SSH authority."""

    def __init__(
        self, ssh: SshAuthority, revocation: SshRevocationAuthority, x509: X509Authority
    ) -> None:
        self._ssh = ssh
        self._x509 = x509
        self._revocation = revocation

    def routes(self) -> list[Route]:
        """Give them."""
        authority = self._ssh.keys
        return [
            Route(method="POST", path="/ssh/sign", endpoint=self.sign),
            Route(method="POST", path="/sign-ssh", endpoint=self.sign),
            Route(method="POST", path="/ssh/renew", endpoint=self.renew),
            Route(method="POST", path="/ssh/rekey", endpoint=self.rekey),
            Route(method="POST", path="/ssh/revoke", endpoint=self.revoke),
            Route(
                method="GET",
                path="/ssh/roots",
                endpoint=_listed({kind: authority.roots(kind) for kind in CertificateType}),
            ),
            Route(
                method="GET",
                path="/ssh/federation",
                endpoint=_listed({kind: authority.federation(kind) for kind in CertificateType}),
            ),
        ]

    async def sign(self, request: Request) -> Response:
        """Issue an SSH certificate for a one-time token."""
        asked = wirejson.decode_object(request.body, _SIGN)
        request.log_later.append(partial(logfields.token, asked["ott"]))
        wish = SshSigningRequest(
            type=asked["certType"],
            key_id=asked["keyID"],
            principals=_texts(asked["principals"]),
            valid_after=timeorduration.parse(asked["validAfter"]),
            valid_before=timeorduration.parse(asked["validBefore"]),
            public_key=_public_key(asked, "publicKey"),
        )
        requests.check_type(wish.type)
        _check_present(asked, "ott")
        csr = _identity_request(asked["identityCSR"])
        account_key = _optional_key(asked, "addUserPublicKey")
        reported = context(request)
        issued = await self._ssh.sign(
            SshSignRequest(
                request=wish,
                token=asked["ott"],
                template_data=asked["templateData"],
                context=reported,
            )
        )
        beside: dict[str, object] = {}
        if account_key is not None:
            account = await self._ssh.add_user(issued, account_key, reported)
            beside |= {"addUserCrt": _encoded(account.blob)} if account else {}
        if csr is not None:
            beside["identityCrt"] = await self._identity(csr, asked["ott"], issued, reported)
        return _issued(request, issued, beside)

    async def _identity(
        self, csr: SigningRequest, token: str, issued: SshIssued, context: Context
    ) -> list[str]:
        """Issue an identity certificate; give it and its issuers in PEM."""
        validity = periods.of(issued.certificate).validity
        return _chain(await self._x509.sign_identity(csr, token, validity, context))

    async def _identity_again(self, request: Request) -> Mapping[str, object]:
        """Renew the client's identity certificate, if it showed one in TLS, as `/renew` does."""
        shown = asking.credential(request)
        if shown is None:
            return {}
        return {"identityCrt": _chain(await self._x509.renew(shown, context(request)))}

    async def renew(self, request: Request) -> Response:
        """Issue a host's certificate again."""
        asked = wirejson.decode_object(request.body, _RENEW)
        request.log_later.append(partial(logfields.token, asked["ott"]))
        _check_present(asked, "ott")
        issued = await self._ssh.renew(asked["ott"], context(request))
        return _issued(request, issued, await self._identity_again(request))

    async def rekey(self, request: Request) -> Response:
        """Issue a host's certificate again, for another key."""
        asked = wirejson.decode_object(request.body, _REKEY)
        request.log_later.append(partial(logfields.token, asked["ott"]))
        _check_present(asked, "ott")
        key = _public_key(asked, "publicKey")
        issued = await self._ssh.rekey(asked["ott"], key, context(request))
        return _issued(request, issued, await self._identity_again(request))

    async def revoke(self, request: Request) -> Response:
        """Revoke an SSH certificate."""
        asked = wirejson.decode_object(request.body, _REVOKE)
        request.log_later.append(partial(logfields.token, asked["ott"]))
        serial = await self._revocation.revoke(
            SshRevokeRequest(
                serial=asked["serial"],
                token=asked["ott"],
                reason_code=asked["reasonCode"],
                reason=asked["reason"],
                passive=asked["passive"],
                context=context(request),
            )
        )
        request.log.update(
            {
                "serial": str(serial),
                "reasonCode": asked["reasonCode"],
                "reason": asked["reason"],
                "passiveOnly": asked["passive"],
                "mTLS": False,
                "ssh": True,
            }
        )
        return answers.answer({"status": "ok"})


def _issued(
    request: Request, issued: SshIssued, beside: Mapping[str, object] = MappingProxyType({})
) -> Response:
    request.log_later.append(partial(logfields.ssh_issued, issued.certificate))
    return answers.answer({"crt": _encoded(issued.certificate.blob), **beside}, 201)


def _chain(issued: Issued) -> list[str]:
    """Give a certificate and its issuers in PEM."""
    return [pem.encode("CERTIFICATE", each) for each in (issued.certificate, *issued.chain)]


def _listed(found: Mapping[CertificateType, Sequence[SshPublicKey]]) -> Endpoint:
    """Tell public keys, as far as there are any."""
    body = {f"{kind.label}Key": [each.text for each in listed] for kind, listed in found.items()}
    present = {name: listed for name, listed in body.items() if listed}
    return constant(answers.answer(present)) if present else _no_keys


async def _no_keys(request: Request) -> Response:
    raise NotFound("no keys found: ca.json names no SSH keys")


def _public_key(asked: Mapping[str, str], name: str) -> SshPublicKey:
    """Read a public key that must be there. Raises BadRequest."""
    _check_present(asked, name)
    try:
        return keys.parse(keys.of_base64("".join(asked[name].splitlines())))
    except FormatError as error:
        raise BadRequest(f"error parsing {name}: {error.public}") from error


def _optional_key(asked: Mapping[str, str], name: str) -> SshPublicKey | None:
    return _public_key(asked, name) if asked[name] else None


def _identity_request(written: object) -> SigningRequest | None:
    """Read the CSR (PEM) of an identity certificate; null and nothing ask for none.

    Raises BadRequest.
    """
    if not isinstance(written, str | None):
        raise BadRequest('"identityCSR" must be a certificate request in PEM')
    return csrs.read(written.encode()) if written else None


def _check_present(asked: Mapping[str, str], name: str) -> None:
    if not asked[name]:
        raise BadRequest(f"missing or empty {name}")


def _texts(listed: Sequence[object]) -> tuple[str, ...]:
    """Read a list of texts, where null is an empty one. Raises BadRequest."""
    found = []
    for each in listed:
        if not isinstance(each, str | None):
            raise BadRequest('"principals" must be an array of strings')
        found.append(each or "")
    return tuple(found)


def _encoded(blob: bytes) -> str:
    return base64.b64encode(blob).decode("ascii")
