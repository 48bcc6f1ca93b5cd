"""A provisioner that is switched off keeps its place, and issues and renews nothing."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.formats import pem
from appliance.model.errors import Unauthorized
from appliance.model.events import EventKind
from tests.server.conftest import Appliance, Authority, Start
from tests.support.load import Provisioner, csr


def switch(authority: Authority, name: str, *, disabled: bool, **more: Any) -> None:
    document = json.loads(authority.file.read_text())
    for each in document["authority"]["provisioners"]:
        if each["name"] == name:
            each["disabled"] = disabled
    document["authority"]["provisioners"] += more.get("also", [])
    authority.file.write_text(json.dumps(document))


async def sign(appliance: Appliance, authority: Authority, by: Provisioner) -> int:
    answer = await appliance.client.post("/sign", json=authority.request("a.test", by))
    return answer.status_code


async def test_a_disabled_provisioner_issues_nothing_and_others_go_on(
    start: Start, authority: Authority
) -> None:
    other = Provisioner.generate("other")
    authority.configure(other)
    async with start() as appliance:
        switch(authority, "load", disabled=True)
        await appliance.reload("Serving HTTPS")
        assert await sign(appliance, authority, authority.provisioner) == 401
        told = [each.event for each in appliance.ring.events()]
        (refused,) = [each for each in told if each.kind is EventKind.REFUSED]
        assert refused.reason == "provisioner 'load' is disabled"
        assert await sign(appliance, authority, other) == 201
        listed = (await appliance.client.get("/provisioners")).json()["provisioners"]
        assert [each.get("state") for each in listed] == ["Disabled", None]
        assert "disabled" not in listed[0]
        kid = listed[0]["key"]["kid"]
        assert (await appliance.client.get(f"/provisioners/{kid}/encrypted-key")).status_code == 404
        switch(authority, "load", disabled=False)
        await appliance.reload("Serving HTTPS")
        assert await sign(appliance, authority, authority.provisioner) == 201


async def test_what_it_issued_is_not_renewed(start: Start, authority: Authority) -> None:
    """By token, which names the certificate's provisioner as a renewal by certificate does."""
    async with start() as appliance:
        key = ec.generate_private_key(ec.SECP256R1())
        body = {"csr": csr("a.test", key), "ott": authority.provisioner.token("a.test")}
        chain = (await appliance.client.post("/sign", json=body)).json()["certChain"]
        switch(authority, "load", disabled=True)
        await appliance.reload("Serving HTTPS")
        issuance = appliance.running.issuance
        octets = [der for each in chain for der in pem.certificates(each.encode())]
        with pytest.raises(Unauthorized, match="disabled"):
            await issuance.renew(octets)


async def test_acme_is_refused_with_the_reason(start: Start, authority: Authority) -> None:
    switch(
        authority, "acme", disabled=True,
        also=[{"type": "ACME", "name": "acme", "disabled": True},
              {"type": "AWS", "name": "cloud", "disabled": True}],
    )  # fmt: skip
    async with start() as appliance:
        answer = await appliance.client.get("/acme/acme/directory")
        assert answer.status_code == 401
        assert "disabled" in answer.text
        listed = (await appliance.client.get("/provisioners")).json()["provisioners"]
        assert [each["name"] for each in listed] == ["load", "acme"]
