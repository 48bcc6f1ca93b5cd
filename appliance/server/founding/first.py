"""The first certificate, asked for as any client of the first provisioner would."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from appliance.client import csr, tokens
from appliance.config.answers import dns_names
from appliance.config.location import Location
from appliance.config.placing import NewFile, place
from appliance.formats import jwe, jwk, keyfile, pem
from appliance.formats.keyfile import WrongPassword
from appliance.issuance import parsed, paths
from appliance.model.errors import BadRequest, Broken, FormatError
from appliance.model.founding import FirstCertificate
from appliance.model.orders import SignOrder
from appliance.model.secret import Password
from appliance.operator.interface import Issuance
from appliance.server.founding import surroundings

_KIND: Final = csr.KeyKind(kty="EC", curve="P-256")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstIssuance:
    """FirstCertificates (operator.founding) of a CA that has just been made, and runs."""

    issuance: Issuance
    location: Location
    url: str
    provisioner: str
    password: Password
    directory: Path
    now: Callable[[], datetime]

    async def suggest(self) -> str:
        """Give a name for it."""
        return surroundings.own_name()

    async def issue(self, name: str) -> FirstCertificate:
        """Have it issued, verify it up to the root, and write it beside its key.

        Raises BadRequest for a name that is none, or files that are there.
        """
        subject, *others = dns_names(name)
        names = (subject, *others)
        certificate, key_file = self._files(subject)
        key = csr.generate_key(_KIND)
        request = csr.signing_request(key, subject, names)
        order = SignOrder(csr=request, token=self._token(subject, names))
        leaf, *between = await self.issuance.sign(order)
        self._verify(leaf, between)
        chain = "".join(pem.encode("CERTIFICATE", each) for each in (leaf, *between))
        place(
            [
                NewFile(path=certificate, content=chain.encode(), mode=0o600),
                NewFile(path=key_file, content=keyfile.dump_private_key(key, None), mode=0o600),
            ]
        )
        seen = parsed.parse(leaf)
        return FirstCertificate(
            subject=subject,
            serial=seen.serial,
            not_after=seen.validity.not_after,
            certificate_file=str(certificate),
            key_file=str(key_file),
            root_file=str(self.location.root_certificate),
        )

    def _files(self, subject: str) -> tuple[Path, Path]:
        stem = subject.replace(":", "-").removeprefix("*.")
        files = (self.directory / f"{stem}.crt", self.directory / f"{stem}.key")
        there = next((each for each in files if each.exists()), None)
        if there is not None:
            raise BadRequest(f"{there} is there already: take another name, or move it away")
        return files

    def _token(self, subject: str, names: tuple[str, ...]) -> str:
        key = self._key()
        request = tokens.TokenRequest(
            subject=subject,
            audience=tokens.audience(self.url, "sign"),
            issuer=self.provisioner,
            window=tokens.window(self.now()),
            sans=names,
        )
        return tokens.one_time_token(
            request,
            key,
            token_id=secrets.token_bytes(tokens.TOKEN_ID_OCTETS),
            entropy=secrets.token_bytes(tokens.ENTROPY_OCTETS),
        )

    def _key(self) -> tokens.SigningKey:
        """Open the provisioner's key, as `hearth ca token` does."""
        entry = self._entry()
        try:
            opened = json.loads(jwe.decrypt(str(entry["encryptedKey"]), self.password))
            return tokens.SigningKey(key=jwk.private_key(opened), kid=str(entry["key"]["kid"]))
        except WrongPassword as error:
            raise BadRequest("the provisioner's password is another one") from error
        except (KeyError, ValueError, FormatError) as error:
            raise Broken("the provisioner's key cannot be read", detail=str(error)) from error

    def _entry(self) -> Mapping[str, Any]:
        document = json.loads(self.location.ca_json.read_bytes())
        for entry in document["authority"]["provisioners"]:
            if entry.get("name") == self.provisioner and entry.get("type") == "JWK":
                return dict(entry)
        raise Broken(f"there is no provisioner {self.provisioner} in {self.location.ca_json}")

    def _verify(self, leaf: bytes, between: list[bytes]) -> None:
        roots = pem.certificates(self.location.root_certificate.read_bytes())
        paths.verify(leaf, paths.Trust(roots=roots, between=between), now=self.now())
