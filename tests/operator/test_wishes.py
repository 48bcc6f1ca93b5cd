"""Wishes for certificates: what is wrong with each field, and what is made of a sound one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from appliance.client import csr
from appliance.formats import pem
from appliance.issuance import requests
from appliance.model.errors import BadRequest
from appliance.model.founding import Mark
from appliance.model.secret import Password
from appliance.operator import wishes
from appliance.operator.wish_checks import judged, shown
from appliance.operator.wishes import FileForm, Subject, Wish
from tests.support.kept_issuing import OFFERS

NOW = datetime(2026, 11, 21, 14, 2, 11, tzinfo=UTC)
WISH = Wish(names="nas.test", provisioner="admin")
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl jane@laptop"
NAMELESS = pem.encode(
    "CERTIFICATE REQUEST",
    csr.signing_request(csr.generate_key(csr.KeyKind(kty="OKP", curve="Ed25519")), "", []),
)


def found(wish: Wish) -> dict[str, str]:
    return {each.field: each.text for each in judged(wish, OFFERS, NOW) if each.mark is Mark.ACT}


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"names": " , "}, "names", "give a name"),
        ({"path": "~no.such.user/x.crt"}, "path", "there is no such user"),
        ({"names": "nas.test:443"}, "names", "a port is no part"),
        ({"names": "10.0.0.1:443"}, "names", "a port is no part"),
        ({"names": "a b_@"}, "names", "no e-mail address"),
        ({"names": "näs.test"}, "names", "ASCII"),
        ({"names": "*.*.test"}, "names", "not a valid"),
        ({"lifetime": "soon"}, "lifetime", "write 90d"),
        ({"lifetime": "-1h"}, "lifetime", "in the past"),
        ({"lifetime": "2020-01-01"}, "lifetime", "in the past"),
        ({"lifetime": "1m"}, "lifetime", "allow 5m to 825d"),
        ({"lifetime": "2099-01-01"}, "lifetime", "allow 5m to 825d"),
        ({"provisioner": "nobody"}, "provisioner", "choose one"),
        ({"data": "x"}, "data", "key=value"),
        ({"path": ""}, "path", "name a file"),
        ({"path": "/"}, "path", "is a directory"),
        ({"path": "/no/such/x.crt"}, "path", "is no directory"),
        ({"again": Password(b"x")}, "again", "not the same"),
        ({"form": FileForm.P12}, "passphrase", "needs one"),
        ({"subject": Subject.REQUEST}, "request", "paste a certificate request"),
        ({"subject": Subject.REQUEST, "request": "/no/such"}, "request", "no such file"),
        ({"subject": Subject.REQUEST, "request": "-----BEGIN X-----"}, "request", "cannot be read"),
        ({"subject": Subject.REQUEST, "request": NAMELESS, "names": ""}, "names", "has no names"),
        ({"subject": Subject.SSH_USER, "ssh_key": "ssh-rsa x"}, "ssh_key", "paste a line"),
        ({"subject": Subject.SSH_USER, "ssh_key": SSH, "names": ""}, "names", "name the users"),
        ({"subject": Subject.SSH_HOST, "ssh_key": SSH, "names": "*.x"}, "names", "no wildcard"),
        ({"subject": Subject.SSH_HOST, "ssh_key": SSH, "provisioner": "acme"}, "provisioner",
         "choose one"),
        ({"subject": Subject.SSH_USER, "ssh_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nx"},
         "ssh_key", "that is a private key"),
    ],
)  # fmt: skip
def test_each_wrong_value_is_named_with_its_field(
    change: dict[str, object], field: str, said: str, tmp_path: Path
) -> None:
    wish = replace(WISH, path=str(tmp_path / "x.crt"))
    assert not found(wish)
    problems = found(replace(wish, **change))  # type: ignore[arg-type]
    assert list(problems) == [field]
    assert said in problems[field]


def test_names_of_all_kinds_and_every_key_can_be_asked_for(tmp_path: Path) -> None:
    names = "nas.test *.nas.test 192.0.2.7 ::1 jane@home.test spiffe://home.test/nas urn:x:y nas"
    for kind in wishes.KEYS:
        wish = replace(WISH, names=names, key=kind, path=str(tmp_path / "x.p12"))
        assert not found(wish)
        order, key = wishes.x509_order(wish)
        request = requests.read_der(order.csr)
        assert len(request.sans) == 8
        assert key is not None
        if isinstance(key, RSAPrivateKey):
            assert kind.endswith(str(key.key_size))


@pytest.mark.parametrize(
    ("typed", "ordered"),
    [("", ""), ("90d", "2160h0m0s"), ("2w", "336h0m0s"), ("1y", "8760h0m0s"), ("24h", "24h"),
     ("2027-01-31", "2027-01-31T00:00:00Z"), (" 1h30m ", "1h30m")],
)  # fmt: skip
def test_lifetimes_are_written_as_people_do(typed: str, ordered: str) -> None:
    assert wishes.lifetime(typed) == ordered


def test_spans_are_shown_as_they_are_typed() -> None:
    spans = (timedelta(days=825), timedelta(days=1), timedelta(minutes=5), timedelta(hours=16.5))
    assert [shown(each) for each in spans] == ["825d", "24h", "5m", "16h30m"]


def test_a_file_is_suggested_by_the_first_name() -> None:
    for wish, name in (
        (WISH, "~/nas.test.crt"),
        (replace(WISH, names="*.nas.test"), "~/nas.test.crt"),
        (replace(WISH, names="spiffe://home/../x"), "~/spiffe-home-..-x.crt"),
        (replace(WISH, names="", form=FileForm.OLD_P12), "~/certificate.p12"),
        (replace(WISH, subject=Subject.SSH_USER, names="jane"), "~/jane-cert.pub"),
    ):
        assert wishes.suggested(wish) == name


def test_an_ssh_certificate_is_named_after_the_key_s_comment() -> None:
    wish = replace(WISH, subject=Subject.SSH_USER, ssh_key=SSH, names="jane")
    assert wishes.ssh_order(wish).key_id == "jane@laptop"
    assert wishes.ssh_order(replace(wish, key_id="badge 7")).key_id == "badge 7"
    with pytest.raises(BadRequest):
        wishes.ssh_order(replace(wish, ssh_key=""))
