"""One process that is a certificate authority: what it serves, and how it begins and ends."""

import json
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance.formats.keyfile import ENTROPY, dump_private_key
from appliance.model.errors import ConfigError, HearthError, Unavailable
from appliance.model.inventory import CertificateQuery
from appliance.model.secret import Password
from appliance.stores.directory import StoreLocked
from tests.server.conftest import Authority, Start
from tests.support.web import Certified, Pki, new_root


async def test_what_it_issues_is_recorded_and_told(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        answer = await appliance.client.post("/1.0/sign", json=authority.request("a.test"))
        assert answer.status_code == 201
        event = (await appliance.running.operator.events())[-1]
        assert event.event.subject == "a.test"
        page = await appliance.running.operator.certificates(CertificateQuery())
        assert [each.subject for each in page.certificates] == ["a.test"]
        overview = await appliance.running.operator.overview()
        assert (overview.issued, overview.refused) == (1, 0)
        assert overview.provisioners == ("load",)
        assert overview.url == appliance.running.url


async def test_its_own_certificate_is_step_cas(start: Start, authority: Authority) -> None:
    """24 hours and a minute, all of dnsNames, for servers and clients, with the intermediate."""
    authority.configure(dnsNames=["localhost", "127.0.0.1", "::1"], commonName="My CA")
    async with start() as appliance:
        port = appliance.running.addresses[0][1]
        pem = await trio.to_thread.run_sync(ssl.get_server_certificate, ("127.0.0.1", port))
    shown = x509.load_pem_x509_certificate(pem.encode())
    (name,) = shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == "My CA"
    life = shown.not_valid_after_utc - shown.not_valid_before_utc
    assert life == timedelta(hours=24, minutes=1)
    assert timedelta(0) <= datetime.now(UTC) - shown.not_valid_before_utc < timedelta(minutes=2)
    sans = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sans.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(each) for each in sans.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    purposes = shown.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(purposes) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


async def test_the_start_is_told_as_step_ca_tells_it(start: Start, authority: Authority) -> None:
    async with start(context="home") as appliance:
        text = "\n".join(appliance.output.lines)
        url = appliance.running.url
        for line in (
            "Starting Hearth/",
            "Current context: home",
            f"Config file: {authority.file}",
            f"Database: LevelDB {authority.directory / 'db'}",
            f"The primary server URL is {url}",
            f"Root certificates are available at {url}/roots.pem",
            "Additional configured hostnames: 127.0.0.1",
            "X.509 Root Fingerprint: ",
            f"Serving HTTPS on 127.0.0.1:{appliance.running.addresses[0][1]} ...",
        ):
            assert line in text
    assert appliance.output.lines[-1].endswith("shutting down ...")


async def test_quiet_leaves_warnings_and_where_it_serves(
    start: Start, authority: Authority
) -> None:
    (authority.directory / "issuer.key").chmod(0o644)
    async with start(quiet=True) as appliance:
        *warnings, last = appliance.output.lines
        assert all(" warning: " in line for line in warnings)
        assert "everybody may use this secret (mode 0644)" in warnings[0]
        assert "Serving HTTPS on" in last


async def test_a_request_is_one_json_line_without_its_token(
    start: Start, authority: Authority
) -> None:
    async with start() as appliance:
        body = authority.request("a.test")
        await appliance.client.post("/sign", json=body)
        line = await appliance.output.wait_for('"path":"/sign"')
    fields = json.loads(line)
    assert fields["level"] == "info"
    assert fields["status"] == 201
    assert fields["subject"] == "a.test"
    assert fields["name"] == "ca"
    assert body["ott"] not in line
    assert body["ott"].rpartition(".")[2] not in line


async def test_without_a_db_it_issues_and_cannot_revoke(start: Start, authority: Authority) -> None:
    authority.configure(db=...)
    async with start() as appliance:
        assert any("there is no `db`" in line for line in appliance.output.lines)
        answer = await appliance.client.post("/sign", json=authority.request("a.test"))
        assert answer.status_code == 201
        token = authority.provisioner.token("1", [], aud="https://localhost/1.0/revoke")
        body = {"serial": "1", "ott": token, "passive": True}
        assert (await appliance.client.post("/revoke", json=body)).status_code == 501


async def test_the_last_answer_is_out_before_it_ends(start: Start, authority: Authority) -> None:
    """At a stop, a request that has begun is answered."""
    async with start() as appliance:
        body = json.dumps(authority.request("a.test")).encode()
        port = appliance.running.addresses[0][1]
        stream = trio.SSLStream(
            await trio.open_tcp_stream("127.0.0.1", port),
            authority.context(),
            server_hostname="localhost",
            https_compatible=True,
        )
        head = f"POST /sign HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        await stream.send_all(head.encode() + body[:10])
        await trio.sleep(0.05)
        appliance.controls.stop.set()
        await appliance.output.wait_for("shutting down")
        await trio.sleep(0.05)
        await stream.send_all(body[10:])
        answer = await stream.receive_some()
        assert answer.startswith(b"HTTP/1.1 201 ")
        await trio.aclose_forcefully(stream)


async def test_a_used_token_stays_used_after_a_restart(start: Start, authority: Authority) -> None:
    authority.configure(
        authority={"provisioners": [authority.provisioner.entry()], "disableIssuedAtCheck": True}
    )
    body = authority.request("a.test")
    async with start() as appliance:
        assert (await appliance.client.post("/sign", json=body)).status_code == 201
    async with start() as appliance:
        assert (await appliance.client.post("/sign", json=body)).status_code == 401


async def test_tokens_from_before_the_start_are_refused(start: Start, authority: Authority) -> None:
    async with start() as appliance:
        now = int(datetime.now(UTC).timestamp())
        body = authority.request("a.test") | {
            "ott": authority.provisioner.token("a.test", iat=now - 60)
        }
        assert (await appliance.client.post("/sign", json=body)).status_code == 401


async def failure(start: Start) -> HearthError:
    """Start, and give what keeps it from serving."""
    with pytest.raises(BaseExceptionGroup) as raised:
        async with start():
            pass
    error: BaseException = raised.value
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, HearthError)
    return error


async def test_a_port_in_use_is_told(start: Start, authority: Authority) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        authority.configure(address=f"127.0.0.1:{port}")
        error = await failure(start)
    assert isinstance(error, Unavailable)
    assert f"127.0.0.1:{port}" in str(error)


async def test_a_database_in_use_is_told(start: Start, authority: Authority) -> None:
    async with start():
        error = await failure(start)
    assert isinstance(error, StoreLocked)
    assert str(authority.directory / "db") in str(error)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("root.crt", None, "cannot be read: No such file"),
        ("root.crt", "nothing", "is not a certificate in PEM"),
        ("issuer.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "PEM"),
        ("issuer.key", None, "cannot be read: No such file"),
        ("issuer.key", "nothing", "no private key"),
    ],
)
async def test_a_file_that_cannot_be_used_is_named(
    start: Start, authority: Authority, name: str, content: str | None, text: str
) -> None:
    file = authority.directory / name
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    error = await failure(start)
    assert isinstance(error, ConfigError)
    assert error.file == str(file)
    assert text in error.problem


async def test_a_key_of_another_certificate_is_refused(start: Start, authority: Authority) -> None:
    (authority.directory / "issuer.key").write_text(authority.pki.root.key_pem)
    assert "must name a pair" in str(await failure(start))


async def test_names_that_no_certificate_can_carry_are_refused(
    start: Start, authority: Authority
) -> None:
    authority.configure(dnsNames=["bücher.example"])
    error = await failure(start)
    assert isinstance(error, ConfigError)
    assert error.place == "dnsNames"


async def test_an_encrypted_key_wants_its_password(start: Start, authority: Authority) -> None:
    key = dump_private_key(
        authority.pki.intermediate.key, Password(b"right"), entropy=bytes(ENTROPY)
    )
    (authority.directory / "issuer.key").write_bytes(key)
    assert "--password-file" in str(await failure(start))
    authority.configure(password="wrong")
    assert "does not open the key" in str(await failure(start))
    async with start(password=Password(b"right")) as appliance:  # it wins over ca.json's
        assert (await appliance.client.get("/health")).status_code == 200
    authority.configure(password="right")
    async with start() as appliance:
        assert (await appliance.client.get("/health")).status_code == 200


async def test_an_intermediate_of_another_root_is_a_warning(
    start: Start, authority: Authority
) -> None:
    (authority.directory / "root.crt").write_text(authority.pki.server.pem)
    async with start() as appliance:
        text = "\n".join(appliance.output.lines)
    assert "was not issued by any certificate in `root`" in text
    assert "root: expires in" in text


async def test_a_free_port_is_the_same_on_every_address(start: Start, authority: Authority) -> None:
    async with start(address=":0") as appliance:
        assert len({port for _, port in appliance.running.addresses}) == 1


async def test_the_pid_file_is_there_while_it_serves(start: Start, authority: Authority) -> None:
    file = authority.directory / "pid"
    async with start(pid_file=file):
        assert file.read_text() == f"{os.getpid()}\n"
    assert not file.exists()


async def test_a_database_of_step_ca_is_left_alone(start: Start, authority: Authority) -> None:
    theirs = authority.directory / "theirs"
    theirs.mkdir()
    (theirs / "MANIFEST").write_bytes(b"badger")
    authority.configure(db={"type": "badgerv2", "dataSource": str(theirs)})
    async with start() as appliance:
        assert "is step-ca's and is left as it is" in appliance.output.lines[0]
    assert [each.name for each in theirs.iterdir()] == ["MANIFEST"]
    assert (authority.directory / "theirs.leveldb" / "CURRENT").exists()


async def test_the_control_socket_is_beside_the_database(
    start: Start, authority: Authority
) -> None:
    sock = authority.directory / "db" / "hearth.sock"
    async with start():
        assert sock.is_socket()
        assert sock.stat().st_mode & 0o777 == 0o600
    assert not sock.exists()


def constrained(root: Certified, domain: str) -> Certified:
    """The same root, but for no names below the domain."""
    old = root.certificate
    allowed = x509.NameConstraints(
        permitted_subtrees=None, excluded_subtrees=[x509.DNSName(domain)]
    )
    builder = x509.CertificateBuilder(
        old.issuer, old.subject, root.key.public_key(), old.serial_number,
        old.not_valid_before_utc, old.not_valid_after_utc, list(old.extensions),
    )  # fmt: skip
    made = builder.add_extension(allowed, critical=True).sign(root.key, hashes.SHA256())
    return Certified(certificate=made, key=root.key)


async def test_name_constraints_above_bind_and_those_of_other_roots_do_not(
    start: Start, authority: Authority
) -> None:
    """Of several roots only the one that issued the intermediate counts, as in step-ca."""
    root = authority.pki.root
    other = constrained(new_root("Other"), "outside.test")
    (authority.directory / "root.crt").write_text(root.pem + other.pem)
    async with start() as appliance:
        answer = await appliance.client.post("/sign", json=authority.request("a.outside.test"))
        assert answer.status_code == 201
    (authority.directory / "root.crt").write_text(other.pem)
    below = other.issue("Intermediate", ca=True, end=timedelta(days=8), usages=())
    authority.install(Pki(root=other, intermediate=below, server=below))
    async with start() as appliance:
        answer = await appliance.client.post("/sign", json=authority.request("a.outside.test"))
        assert answer.status_code == 403
        answer = await appliance.client.post("/sign", json=authority.request("inside.test"))
        assert answer.status_code == 201
