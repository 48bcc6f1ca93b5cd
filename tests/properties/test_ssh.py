"""SSH encodings: what is written is read back the same, and readers raise FormatError only."""

import base64
from collections.abc import Callable
from contextlib import suppress

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity
from hypothesis import given
from hypothesis import strategies as st

from appliance.formats.ssh import certificate, keys, signatures, wire
from appliance.formats.ssh.certificate import SshCertificate
from appliance.formats.ssh.wire import Reader
from appliance.issuance.ssh import periods
from appliance.model.algorithms import SignatureAlgorithm
from appliance.model.errors import FormatError
from appliance.model.ssh import CertificateType

CA = ed25519.Ed25519PrivateKey.generate()
SUBJECT = keys.of_key(ed25519.Ed25519PrivateKey.generate().public_key())
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
NUMBER = st.integers(0, 2**64 - 1)
OPTIONS = st.dictionaries(TEXT, TEXT, max_size=5)


def signed(unsigned: SshCertificate) -> SshCertificate:
    octets = CA.sign(unsigned.to_be_signed)
    return unsigned.signed(signatures.of_signature(SignatureAlgorithm.ED25519, octets))


certificates = st.builds(
    SshCertificate,
    nonce=st.binary(max_size=64),
    key=st.just(SUBJECT),
    serial=NUMBER,
    type=st.sampled_from(CertificateType),
    key_id=TEXT,
    principals=st.lists(TEXT, max_size=5).map(tuple),
    valid_after=NUMBER,
    valid_before=NUMBER,
    critical_options=OPTIONS,
    extensions=OPTIONS,
    reserved=st.binary(max_size=8),
    signature_key=st.just(keys.of_key(CA.public_key())),
).map(signed)


@given(certificates)
def test_what_is_written_is_read_back(made: SshCertificate) -> None:
    read = certificate.parse(made.blob)
    assert read == made
    assert read.blob == made.blob
    assert read.is_signed_by([made.signature_key])


@given(certificates)
def test_cryptography_reads_the_same(made: SshCertificate) -> None:
    line = f"{made.type_name} {base64.b64encode(made.blob).decode()}"
    try:
        read = load_ssh_public_identity(line.encode())
    except ValueError:
        # It takes no principals that are empty, or a validity that is the wrong way round.
        assert "" in made.principals or made.valid_after > made.valid_before
        return
    assert isinstance(read, SSHCertificate)
    read.verify_cert_signature()
    assert read.nonce == made.nonce
    assert read.serial == made.serial
    assert read.key_id.decode() == made.key_id
    assert [each.decode() for each in read.valid_principals] == list(made.principals)
    assert (read.valid_after, read.valid_before) == (made.valid_after, made.valid_before)
    for theirs, ours in (
        (read.critical_options, made.critical_options),
        (read.extensions, made.extensions),
    ):
        assert {name.decode(): value.decode() for name, value in theirs.items()} == ours


READERS: list[Callable[[bytes], object]] = [
    certificate.parse,
    certificate.is_certificate,
    keys.parse,
    signatures.parse,
    lambda data: Reader(data).mpint(),
    lambda data: Reader(data).strings(),
]
KEY_TYPES = st.sampled_from(
    [keys.RSA, keys.DSA, keys.ED25519, keys.SK_ED25519, keys.SK_ECDSA]
    + [f"ecdsa-sha2-nistp{size}" for size in (256, 384, 521)]
)
STRINGS = st.lists(
    st.binary(max_size=70) | st.sampled_from([b"nistp256", b"nistp384", b"\x04" + bytes(64)]),
    max_size=6,
)


@given(st.binary(max_size=200))
def test_any_octets(data: bytes) -> None:
    for read in READERS:
        with suppress(FormatError):
            read(data)


@given(KEY_TYPES, STRINGS)
def test_anything_that_begins_as_a_key(kind: str, strings: list[bytes]) -> None:
    with suppress(FormatError):
        key = keys.parse(wire.string(kind) + wire.strings(strings))
        assert keys.parse(key.blob) == key
    with suppress(FormatError):
        name = certificate.certificate_type_name(kind)
        certificate.parse(wire.string(name) + wire.strings(strings))


@given(certificates, st.data())
def test_a_certificate_with_octets_changed(made: SshCertificate, data: st.DataObject) -> None:
    blob = bytearray(made.blob)
    for _ in range(data.draw(st.integers(1, 4))):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    with suppress(FormatError):
        certificate.parse(bytes(blob)).is_signed_by([made.signature_key])


@given(TEXT)
def test_any_line(text: str) -> None:
    for read in (keys.read_line, certificate.read_line):
        with suppress(FormatError):
            read(text)
        with suppress(FormatError):
            read(f"ssh-ed25519 {text}")


@given(st.integers(0, 2**4096))
def test_numbers(number: int) -> None:
    assert Reader(wire.mpint(number)).mpint() == number


@given(NUMBER)
def test_every_time_of_a_certificate_can_be_told(seconds: int) -> None:
    assert periods.moment(seconds).tzinfo is not None
