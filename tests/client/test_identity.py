"""A certificate and its key belong together, and identity.json names them only while they hold."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from appliance.client.identity import default_identity, identity, load_identity
from appliance.formats.keyfile import load_private_key
from appliance.model.errors import FormatError
from tests.support.web import Certified, new_root

NOW = datetime.now(UTC) + timedelta(hours=1)  # later than what is issued while the tests run


@pytest.fixture(scope="module")
def leaf() -> Certified:
    return new_root().issue("web.example.com")


def _placed(folder: Path, leaf: Certified, **members: str) -> Path:
    (folder / "c").write_text(leaf.pem)
    (folder / "k").write_text(leaf.key_pem)
    entry = {"type": "mTLS", "crt": str(folder / "c"), "key": str(folder / "k"), **members}
    (folder / "identity.json").write_text(json.dumps(entry))
    return folder / "identity.json"


def test_the_key_must_be_that_of_the_certificate(leaf: Certified) -> None:
    assert identity((leaf.der,), leaf.key).leaf.common_name == "web.example.com"
    with pytest.raises(FormatError, match="do not belong together"):
        identity((leaf.der,), new_root().key)
    with pytest.raises(FormatError):
        identity((b"junk",), leaf.key)


def test_a_bundle_is_read_leaf_first(leaf: Certified) -> None:
    root = new_root()
    bundle = (leaf.pem + root.pem).encode()
    found = load_identity(bundle, lambda: load_private_key(leaf.key_pem.encode(), None))
    assert found.chain == (leaf.der, root.der)


def test_a_renewed_chain_must_be_for_the_same_key(leaf: Certified) -> None:
    held = identity((leaf.der,), leaf.key)
    with pytest.raises(FormatError, match="do not belong together"):
        held.renewed((new_root().der,))


def test_the_default_identity_is_found(tmp_path: Path, leaf: Certified) -> None:
    found = default_identity(_placed(tmp_path, leaf), NOW)
    assert found is not None
    assert found.chain == (leaf.der,)


@pytest.mark.parametrize("days", [-1, 2])
def test_out_of_its_dates_it_is_as_good_as_none(tmp_path: Path, leaf: Certified, days: int) -> None:
    assert default_identity(_placed(tmp_path, leaf), NOW + timedelta(days=days)) is None


@pytest.mark.parametrize("members", [{"type": "tTLS"}, {"key": "/none"}, {"crt": "/none"}])
def test_broken_it_is_as_good_as_none(
    tmp_path: Path, leaf: Certified, members: dict[str, str]
) -> None:
    assert default_identity(_placed(tmp_path, leaf, **members), NOW) is None
    (tmp_path / "identity.json").write_text("{")
    assert default_identity(tmp_path / "identity.json", NOW) is None
    assert default_identity(tmp_path / "none", NOW) is None
