"""Whatever a client says of itself, it gets its files or a clear answer, and no other line."""

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from appliance.config import client_templates
from appliance.config.document import Document
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.ssh import keys
from appliance.issuance.ssh import configuration
from appliance.issuance.ssh.configuration import KnownKeys
from appliance.model.errors import BadRequest
from tests.support.authority import START

KEY = keys.of_key(ec.derive_private_key(7, ec.SECP256R1()).public_key())
KNOWN = KnownKeys(host=KEY, user=KEY)
CONTEXT = FunctionContext(now=START, entropy=os.urandom)
TEMPLATES = client_templates.read(None, Document(file=Path("ca.json"), members={}))
NAMES = st.sampled_from(
    ["User", "GOOS", "StepPath", "StepBasePath", "Context", "Console", "Provisioner", "Certificate",
     "Key", "StepSSHTemplateVersion", "Other", "", "user"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["windows", "linux", "{{ .Step }}", "v2"]))
SAID = st.dictionaries(NAMES, TEXTS, max_size=9)


@given(SAID)
def test_every_client_gets_the_same_files(said: dict[str, str]) -> None:
    said = {"StepPath": "/s"} | said  # on Windows it must be said, as with step-ca
    rendered = [
        configuration.render(each, KNOWN, TEMPLATES.data, said, CONTEXT) for each in TEMPLATES.user
    ]
    assert [each.name for each in rendered] == [each.name for each in TEMPLATES.user]
    known_hosts = rendered[-1].content.decode()
    assert known_hosts == f"@cert-authority * {KEY.line}\n"


@given(SAID)
def test_a_host_says_what_is_required(said: dict[str, str]) -> None:
    sshd, ca = TEMPLATES.host
    assert configuration.render(ca, KNOWN, {}, said, CONTEXT).content == f"{KEY.line}\n".encode()
    try:
        made = configuration.render(sshd, KNOWN, {}, said, CONTEXT).content
    except BadRequest as error:
        assert not {"Certificate", "Key"} <= said.keys()
        assert "--set" in error.public  # noqa: PT017
    else:
        assert f"\tHostKey /etc/ssh/{said['Key']}".encode() in made
