"""Sign, renew, rekey and revoke: JSON in, the authority's decision, JSON out, and log fields."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from appliance.authority.revocation import RevocationAuthority, RevokeRequest
from appliance.authority.x509 import SignRequest, X509Authority
from appliance.authority.x509_recording import Issued
from appliance.config.settings import TlsSettings
from appliance.formats import pem, timeorduration
from appliance.issuance import parsed, subjects
from appliance.model.errors import BadRequest
from appliance.web import answers, wirejson
from appliance.web.api import asking, logfields
from appliance.web.api.asking import context
from appliance.web.http import Request, Response, Route

_BEARER: Final = "Bearer "  # step-ca's takes no other case

_SIGN: Final[Mapping[str, type]] = {
    "csr": str,
    "ott": str,
    "notAfter": str,
    "notBefore": str,
    "templateData": object,
}
_REKEY: Final[Mapping[str, type]] = {"csr": str}
_REVOKE: Final[Mapping[str, type]] = {
    "serial": str,
    "ott": str,
    "reasonCode": int,
    "reason": str,
    "passive": bool,
}


class CertificateEndpoints:
    """The routes that make or end certificates."""

    def __init__(
        self, x509: X509Authority, revocation: RevocationAuthority, tls: TlsSettings
    ) -> None:
        self._x509 = x509
        self._revocation = revocation
        options = _tls_options(tls)
        self._issuers = {each.chain: _Shown(each.chain, options) for each in x509.issuers.all}

    def routes(self) -> list[Route]:
        """Give them."""
        return [
            Route(method="POST", path="/sign", endpoint=self.sign),
            Route(method="POST", path="/renew", endpoint=self.renew),
            Route(method="POST", path="/re-sign", endpoint=self.renew),
            Route(method="POST", path="/rekey", endpoint=self.rekey),
            Route(method="POST", path="/revoke", endpoint=self.revoke),
        ]

    async def sign(self, request: Request) -> Response:
        """Issue a certificate for a one-time token."""
        asked = wirejson.decode_object(request.body, _SIGN)
        request.log_later.append(partial(logfields.token, asked["ott"]))
        if not asked["csr"]:
            raise BadRequest("missing csr: a certificate request in PEM is needed")
        not_before = timeorduration.parse(asked["notBefore"])
        not_after = timeorduration.parse(asked["notAfter"])
        issued = await self._x509.sign(
            SignRequest(
                csr=asked["csr"].encode(),
                token=asked["ott"],
                not_before=not_before,
                not_after=not_after,
                template_data=asked["templateData"],
                context=context(request),
            )
        )
        return self._issued(request, issued)

    async def renew(self, request: Request) -> Response:
        """Issue the client's own certificate again, shown by TLS or by a token of its key."""
        credential = asking.credential(request)
        if credential is not None:
            issued = await self._x509.renew(credential, context(request))
            return self._issued(request, issued)
        authorization = request.headers.get("authorization", "")
        if not authorization.startswith(_BEARER):
            raise BadRequest(
                "missing client certificate: show it by TLS, or send a renewal token as "
                "Authorization: Bearer"
            )
        token = authorization.removeprefix(_BEARER).strip()
        request.log_later.append(partial(logfields.token, token))
        return self._issued(request, await self._x509.renew_with_token(token, context(request)))

    async def rekey(self, request: Request) -> Response:
        """Issue the client's own certificate again, for another key."""
        credential = asking.credential(request)
        if credential is None:
            raise BadRequest("missing client certificate: show it by TLS")
        asked = wirejson.decode_object(request.body, _REKEY)
        if not asked["csr"]:
            raise BadRequest("missing csr: a certificate request in PEM is needed")
        issued = await self._x509.rekey(credential, asked["csr"].encode(), context(request))
        return self._issued(request, issued)

    async def revoke(self, request: Request) -> Response:
        """Revoke by token, or the client's own certificate."""
        asked = wirejson.decode_object(request.body, _REVOKE)
        request.log_later.append(partial(logfields.token, asked["ott"]))
        serial = await self._revocation.revoke(
            RevokeRequest(
                serial=asked["serial"],
                token=asked["ott"],
                reason_code=asked["reasonCode"],
                reason=asked["reason"],
                passive=asked["passive"],
                credential=asking.credential(request),
                context=context(request),
            )
        )
        request.log.update(
            {
                "serial": str(serial),
                "reasonCode": asked["reasonCode"],
                "reason": asked["reason"],
                "passiveOnly": asked["passive"],
                "mTLS": not asked["ott"],
            }
        )
        return answers.answer({"status": "ok"})

    def _issued(self, request: Request, issued: Issued) -> Response:
        shown = self._issuers[issued.chain]
        request.log_later.append(partial(logfields.issued, issued, shown.name))
        return Response(status=201, body=shown.answer(issued.certificate))


class _Shown:
    """An issuer as answers and log lines show it."""

    def __init__(self, chain: tuple[bytes, ...], tls_options: Mapping[str, object]) -> None:
        """Write what is the same in each answer: all but the new certificate, which comes twice."""
        self.name = subjects.common_name(parsed.parse(chain[0]).subject) if chain else ""
        issuers = [pem.encode("CERTIFICATE", each) for each in chain]
        answer = {
            "crt": "",
            "ca": issuers[0] if issuers else None,
            "certChain": ["", *issuers],
            "tlsOptions": tls_options,
        }
        self._before, self._between, self._after = wirejson.encode(answer).split(b'""', 2)

    def answer(self, certificate: bytes) -> bytes:
        """Write the JSON of a certificate (DER) and of what comes with it."""
        shown = wirejson.encode(pem.encode("CERTIFICATE", certificate)).rstrip()
        return b"".join((self._before, shown, self._between, shown, self._after))


def _tls_options(settings: TlsSettings) -> Mapping[str, object]:
    return {
        "cipherSuites": settings.cipher_suites,
        "minVersion": _number(settings.min_version),
        "maxVersion": _number(settings.max_version),
        "renegotiation": settings.renegotiation,
    }


def _number(value: float) -> float | int:
    """Give 1 for 1.0, as Go writes it."""
    return int(value) if value.is_integer() else value
