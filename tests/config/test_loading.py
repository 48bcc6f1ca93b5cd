"""ca.json is read as step-ca reads it; what is wrong is told with its place."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from appliance.config.addresses import split_address
from appliance.config.loading import TLS, ConfigNotFound, ConfigUnreadable, load
from appliance.config.settings import LevelDbSettings, MemorySettings, Settings
from appliance.config.ssh_templates import TEMPLATES
from appliance.model.errors import ConfigError, FormatError
from tests.support.load import Provisioner

GOLDEN = Path(__file__).parent / "golden"
Load = Callable[..., Settings]


def minimal(**changes: Any) -> dict[str, Any]:
    """The least that is a configuration; a change to `...` takes the key away."""
    whole = {
        "root": "root.crt",
        "crt": "issuer.crt",
        "key": "issuer.key",
        "address": "127.0.0.1:9443",
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not ...}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load the minimal configuration with changes, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    def read(**changes: Any) -> Settings:
        (tmp_path / "ca.json").write_text(json.dumps(minimal(**changes)))
        return load(Path("ca.json"))

    return read


def problem(read: Load, **changes: Any) -> tuple[str, str]:
    """Place and text of the error that the configuration makes."""
    with pytest.raises(ConfigError) as raised:
        read(**changes)
    assert raised.value.file.endswith("/ca.json")
    return raised.value.place, raised.value.problem


def test_what_is_missing_has_step_cas_defaults(read: Load, tmp_path: Path) -> None:
    settings = read()
    assert settings.dns_names == ("localhost", "127.0.0.1", "::1")
    assert settings.common_name == "Step Online CA"
    assert settings.tls == TLS
    assert settings.backdate == timedelta(minutes=1)
    assert settings.check_issued_at
    assert settings.database == MemorySettings()
    assert settings.log_format == ""
    assert settings.password is None
    assert settings.provisioners == ()
    assert (settings.host, settings.port) == ("127.0.0.1", 9443)
    assert settings.file == tmp_path / "ca.json"


def test_relative_names_are_below_the_working_directory(read: Load, tmp_path: Path) -> None:
    settings = read(
        root=["a.crt", "/b.crt"], federatedRoots=["f.crt"],
        db={"type": "leveldb", "dataSource": "db"},
    )  # fmt: skip
    assert settings.roots == (tmp_path / "a.crt", Path("/b.crt"))
    assert settings.federated_roots == (tmp_path / "f.crt",)
    assert settings.certificate == tmp_path / "issuer.crt"
    assert settings.database == LevelDbSettings(directory=tmp_path / "db")


@pytest.mark.parametrize(
    "key", ["softkms:path=/k/issuer%20key", "softkms:/k/issuer%20key", "/k/issuer key"]
)
def test_a_key_may_be_named_by_a_softkms_uri(read: Load, key: str) -> None:
    assert read(key=key).key == Path("/k/issuer key")


def test_keys_match_in_any_case_and_null_is_a_missing_key(read: Load) -> None:
    settings = read(
        DNSNames=["ca.test"], CommonName=None, Tls={"MINVERSION": 1.3}, crl=None, kms=None,
        Authority={"BackDate": "5m", "claims": {"MAXTLSCERTDURATION": "48h"}},
    )  # fmt: skip
    assert settings.dns_names == ("ca.test",)
    assert settings.common_name == "Step Online CA"
    assert settings.tls.min_version == 1.3
    assert settings.backdate == timedelta(minutes=5)
    assert settings.warnings[:-1] == ()  # the last is about the missing db


def test_an_unknown_key_is_a_warning_that_names_its_place(read: Load) -> None:
    provisioner = Provisioner.generate("p").entry() | {"colour": "red"}
    settings = read(
        nonsense=1, tls={"ciphers": []}, authority={"provisioners": [provisioner], "x": None}
    )
    text = "\n".join(settings.warnings)
    for place in ("nonsense", "tls.ciphers", "authority.x", "authority.provisioners[0].colour"):
        assert f"{place}: nobody knows this key" in text


def test_an_unknown_option_is_warned_of_once(read: Load) -> None:
    """Options are read for each kind of certificate that an ACME or OIDC entry may give."""
    entry = {"type": "ACME", "name": "acme", "options": {"x509": {"colour": 1}}}
    (line,) = (
        each for each in read(authority={"provisioners": [entry]}).warnings if "colour" in each
    )
    assert "options.x509.colour" in line


@pytest.mark.parametrize(
    ("changes", "place", "text"),
    [
        ({"address": ...}, "address", "cannot be empty"),
        ({"address": "", "dnsNames": []}, "address", "cannot be empty"),
        ({"dnsNames": [], "root": ""}, "dnsNames", "cannot be empty"),
        ({"root": ...}, "root", "cannot be empty"),
        ({"root": ["a", ""]}, "root", "cannot be empty"),
        ({"crt": ""}, "crt", "cannot be empty"),
        ({"key": ...}, "key", "cannot be empty"),
        ({"address": "127.0.0.1"}, "address", "not an address with a port"),
        ({"address": "::1:443"}, "address", "not an address with a port"),
        ({"address": ":70000"}, "address", "not a port"),
        ({"address": 5}, "address", "must be a text in quotes, not a number"),
        ({"root": 5}, "root", "must be a text in quotes or a list, not a number"),
        ({"dnsNames": "a"}, "dnsNames", "must be a list, not a text in quotes"),
        ({"dnsNames": ["a", 1]}, "dnsNames[1]", "must be a text in quotes, not a number"),
        ({"tls": {"minVersion": "1.2"}}, "tls.minVersion", "must be a number, not a text"),
        ({"tls": {"minVersion": 1.3, "maxVersion": 1.2}}, "tls", "cannot exceed"),
        ({"tls": {"renegotiation": "no"}}, "tls.renegotiation", "must be true or false"),
        ({"logger": {"format": "xml"}}, "logger.format", "must be text, json or common"),
        ({"ssh": {"keys": [{"type": "x"}]}}, "ssh.keys[0].type", "must be user or host"),
        ({"crl": {"cacheDuration": "-1h"}}, "crl.cacheDuration", "negative"),
        (
            {"crl": {"cacheDuration": "1h", "renewPeriod": "2h"}},
            "crl.renewPeriod",
            "longer than crl.cacheDuration",
        ),
        (
            {"crl": {"enabled": True, "renewPeriod": "25h"}},
            "crl.renewPeriod",
            "longer than crl.cacheDuration",
        ),
        ({"crl": {"enabled": True}}, "crl.enabled", "needs a database"),
        ({"insecureAddress": "80"}, "insecureAddress", "not an address with a port"),
        ({"metricsAddress": "a:b:c"}, "metricsAddress", "not an address with a port"),
        ({"authority": {"backdate": "-1m"}}, "authority.backdate", "negative"),
        ({"authority": {"backdate": "1d"}}, "authority.backdate", "write it like"),
        ({"authority": []}, "authority", "must be an object in braces, not a list"),
        (
            {"authority": {"claims": {"minTLSCertDuration": "25h"}}},
            "authority.claims",
            "maxTLSCertDuration (24h0m0s) is less than minTLSCertDuration (25h0m0s)",
        ),
        ({"db": {"type": "leveldb"}}, "db.dataSource", "must name a directory"),
        ({"db": {"type": "oracle", "dataSource": "x"}}, "db.type", "not a database type"),
        ({"db": {}}, "db.type", "not a database type"),
        ({"db": {"type": "mysql", "dataSource": "x"}}, "db.type", "MySQL is not supported"),
        ({"db": {"type": "PostgreSQL", "dataSource": "x"}}, "db.type", "PostgreSQL is not"),
    ],
)
def test_what_is_wrong_is_told_in_step_cas_order_with_its_place(
    read: Load, changes: dict[str, Any], place: str, text: str
) -> None:
    found, told = problem(read, **changes)
    assert found == place
    assert text in told


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"monitoring": {"type": "newrelic", "name": "n", "key": "k"}}, "monitoring"),
        ({"kms": {"type": "awskms", "uri": "awskms:region=us-east-1"}}, "kms.uri"),
        ({"kms": {"type": "tpmkms"}}, "kms.type"),
        ({"key": "cloudkms:projects/p/cryptoKeyVersions/1"}, "key"),
        ({"authority": {"type": "stepcas"}}, "authority.type"),
        ({"authority": {"deploymentType": "linked"}}, "authority.deploymentType"),
        ({"authority": {"enableAdmin": True}}, "authority.enableAdmin"),
        (
            {"authority": {"provisioners": [{"type": "aws", "name": "a"}]}},
            "authority.provisioners[0]",
        ),
    ],
)
def test_what_this_version_would_not_do_is_refused_by_name(
    read: Load, changes: dict[str, Any], place: str
) -> None:
    found, told = problem(read, **changes)
    assert found == place
    assert "not supported by this version" in told or "hosted" in told or "policy" in told


def test_values_that_mean_off_pass(read: Load) -> None:
    provisioner = Provisioner.generate("p").entry() | {
        "options": {"x509": {}, "ssh": None, "webhooks": []}
    }
    settings = read(
        insecureAddress="",
        metricsAddress="",
        monitoring={},
        crl={"enabled": False, "cacheDuration": "1h"},
        kms={"type": "", "uri": ""},
        templates=None,
        authority={
            "type": "softcas",
            "deploymentType": "Standalone",
            "enableAdmin": False,
            "policy": {"x509": {"allow": {}, "allowWildcardNames": False}},
            "disableGetSSHHosts": False,
            "provisioners": [provisioner],
        },
    )
    assert len(settings.provisioners) == 1
    assert len(settings.warnings) == 1


@pytest.mark.parametrize("kind", ["badger", "badgerV1", "badgerv2", "bbolt"])
def test_an_embedded_database_of_step_ca_gets_ours_beside_it(read: Load, kind: str) -> None:
    """It is left alone, and the person is told."""
    store = read(db={"type": kind, "dataSource": "/var/lib/ca/db"}).database
    assert isinstance(store, LevelDbSettings)
    assert store.directory == Path("/var/lib/ca/db.leveldb")
    assert "/var/lib/ca/db is step-ca's" in store.notice


def test_broken_json_is_told_with_file_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "ca.json"
    file.write_text('{\n\t"address": ":1",\n\t"root" "x"\n}')
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}: line 3, column 9: is not JSON: ")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "line 1, column 1: is not JSON"),
        (b'{"a": "\xff"}', "line 1, column 8: is not UTF-8"),
        (b"[1]", "must begin with {"),
        (b'{"a":' * 100_000, "not JSON that can be read"),
        (b'{"address": ":1", "tls": {', "line 1, column 27"),
    ],
)
def test_a_file_that_is_no_json_object_is_an_error(
    tmp_path: Path, content: bytes, text: str
) -> None:
    file = tmp_path / "ca.json"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load(file)
    assert text in str(raised.value)


def test_what_follows_the_object_is_not_looked_at_and_a_byte_order_mark_is_no_matter(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ca.json"
    file.write_bytes(b"\xef\xbb\xbf\n" + json.dumps(minimal()).encode() + b"\n} garbage")
    assert load(file).port == 9443


def test_a_missing_file_and_one_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigNotFound):
        load(tmp_path / "ca.json")
    with pytest.raises(ConfigUnreadable):
        load(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":443", ("", 443)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8443", ("::1", 8443)),
        ("ca.test:https", ("ca.test", 443)),
    ],
)
def test_addresses_are_taken_apart_as_in_go(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize("text", ["", "1", "::1:1", "a:b:1", ":no-such-service", ":-1", ":٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        split_address(text)


def test_the_password_cannot_be_printed(read: Load) -> None:
    settings = read(password="hunter2")
    assert settings.password is not None
    assert settings.password.reveal() == b"hunter2"
    assert "hunter2" not in repr(settings)


def test_a_configuration_of_steps_ca_init_loads_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ca init --ssh --acme` of the reference, as recorded."""
    monkeypatch.setenv("STEPPATH", str(tmp_path))
    (tmp_path / "templates" / "ssh").mkdir(parents=True)
    for name, text in TEMPLATES.items():
        (tmp_path / "templates" / "ssh" / name).write_text(text)
    settings = load(GOLDEN / "step-init-ssh-acme.json")
    assert [each.type for each in settings.provisioners] == ["JWK", "ACME", "SSHPOP"]
    assert settings.warnings == ()
    written = json.loads((GOLDEN / "step-init-ssh-acme.json").read_text())
    assert [dict(each.entry) for each in settings.provisioners] == written["authority"][
        "provisioners"
    ]
