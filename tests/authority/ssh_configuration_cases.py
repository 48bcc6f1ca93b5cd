"""Configurations for `ssh config` and requests to them; what step-ca answers is golden.

An answer is reduced to its status and, where that is a success, its body.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from appliance.formats.keys import PrivateKey
from tests.support.web import Pki

GOLDEN = Path(__file__).parent / "golden" / "ssh_configuration.json"

_EC = {
    "kty": "EC",
    "crv": "P-256",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}  # the generator of P-256
_OKP = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}  # RFC 8037 A.1

_USER = {
    "User": "joe",
    "GOOS": "linux",
    "StepPath": "/home/joe/.step/authorities/work",
    "StepBasePath": "/home/joe/.step",
    "StepSSHTemplateVersion": "v2",
}
_WINDOWS = {
    "User": "joe",
    "GOOS": "windows",
    "StepPath": "C:\\Users\\joe\\.step",
    "StepBasePath": "C:\\Users\\joe\\.step",
    "StepSSHTemplateVersion": "v2",
}

_STANDARD: dict[str, Any] = {
    "a user": {"type": "user", "data": _USER},
    "no type": {"data": _USER},
    "a type in another case": {"type": "User", "data": _USER},
    "another type": {"type": "robot", "data": _USER},
    "members in another case": {"TYPE": "user", "Data": _USER},
    "no data": {"type": "user"},
    "data that is null": {"type": "user", "data": None},
    "empty data": {"type": "user", "data": {}},
    "a client without versions": {"data": {**_USER, "StepSSHTemplateVersion": ""}},
    "another version": {"data": {**_USER, "StepSSHTemplateVersion": "v9"}},
    "windows": {"data": _WINDOWS},
    "windows without base": {"data": {**_WINDOWS, "StepBasePath": ""}},
    "windows without paths": {"data": {"User": "joe", "GOOS": "windows"}},
    "windows with everything": {
        "data": {**_WINDOWS, "Context": "c", "Console": "true", "Provisioner": "p"}
    },
    "windows in capitals": {"data": {**_WINDOWS, "GOOS": "Windows"}},
    "no base": {"data": {k: v for k, v in _USER.items() if k != "StepBasePath"}},
    "no path": {"data": {k: v for k, v in _USER.items() if k != "StepPath"}},
    "no path at all": {"data": {"User": "joe"}},
    "no system": {"data": {k: v for k, v in _USER.items() if k != "GOOS"}},
    "no user": {"data": {k: v for k, v in _USER.items() if k != "User"}},
    "a context": {"data": {**_USER, "Context": "work"}},
    "a console": {"data": {**_USER, "Console": "true"}},
    "a provisioner": {"data": {**_USER, "Provisioner": "Google OIDC"}},
    "all": {"data": {**_USER, "Context": "work", "Console": "1", "Provisioner": "p"}},
    "odd texts": {"data": {**_USER, "User": 'j"o\ne {{ .X }} <&> ü', "StepPath": "/a b/ü"}},
    "null among the data": {"data": {**_USER, "User": None}},
    "a number among the data": {"data": {**_USER, "User": 1}},
    "a list for data": {"data": ["a"]},
    "a text for data": {"data": "a"},
    "a number for type": {"type": 1},
    "unknown members": {"data": _USER, "more": [1]},
    "an empty list": [],
    "null": None,
    "a host": {"type": "host", "data": {"Certificate": "c-cert.pub", "Key": "c"}},
    "a host without key": {"type": "host", "data": {"Certificate": "c-cert.pub"}},
    "a host without data": {"type": "host"},
    "a host with empty names": {"type": "host", "data": {"Certificate": "", "Key": ""}},
    "a host and more": {
        "type": "host",
        "data": {**_USER, "Certificate": "ssh_host_ecdsa_key-cert.pub", "Key": "k"},
    },
}

_TEXTS = {
    "plain.tpl": "text\n",
    "empty.tpl": "",
    "blank.tpl": "{{- /* nothing */ -}}",
    "user.tpl": "{{ range $k, $v := .User }}{{ $k }}={{ $v }};{{ end }}|{{ len .User }}",
    "missing.tpl": "{{ .User.Missing }}|{{ .Missing }}|{{ with .User.Missing }}x{{ end }}|",
    "json.tpl": "{{ toJson .User }} {{ .Custom | toJson }}",
    "data.tpl": "{{ .Custom.name }} {{ .Custom.count }} {{ index .Custom.list 1 }} {{ .Flag }}",
    "types.tpl": '{{ printf "%T %T" .User .Custom }} {{ typeOf .Step }} {{ kindOf .Step.SSH }}',
    "host.tpl": "{{ .Step.SSH.HostKey.Type }} {{ .Step.SSH.HostKey.Marshal | toString | b64enc }}",
    "user_key.tpl": "{{ .Step.SSH.UserKey.Type }} {{ len .Step.SSH.UserKey.Marshal }}",
    "federated.tpl": "{{ len .Step.SSH.HostFederatedKeys }}{{ range .Step.SSH.UserFederatedKeys }}"
    " {{ .Type }} {{ .Marshal | toString | b64enc }}{{ end }}",
    "with.tpl": "{{ with .Step.SSH.HostKey }}{{ .Type }}{{ else }}none{{ end }}",
    "octets.tpl": "{{ .Step.SSH.UserKey.Marshal | toString }}",
    "sprig.tpl": '{{ list "a" "b" | join "," | upper }} {{ default "d" .User.X }} {{ add 1 2 }}',
    "fail.tpl": '{{ fail "no" }}',
    "env.tpl": '{{ env "HOME" }}',
    "wrong.tpl": "{{ .User",
    "wrong_type.tpl": "{{ index .User 1 }}",
    "field.tpl": "{{ .Step.None }}",
    "nil.tpl": "{{ .Step.SSH.HostKey.None }}",
    "set.tpl": '{{ $_ := set .Custom "name" "changed" }}{{ .Custom.name }}',
    "again.tpl": "{{ .Custom.name }}",
    "user_or.tpl": "{{ or .User.A .User.B }}|{{ or .User.User .User.B }}",
    "compare.tpl": '{{ eq .User.User "joe" }} {{ ne .User.User "" }}',
    "marshal.tpl": "{{ .Step.SSH.UserKey.Marshal | toString | b64enc | len }}",
}

_CUSTOM_DATA: dict[str, Any] = {
    "Custom": {"name": "n<&>", "count": 12, "list": [1, "zwei", None], "none": None},
    "Flag": True,
}
_SSHD = (
    "\nMatch all\n\tTrustedUserCAKeys /etc/ssh/ca.pub\n"
    "\tHostCertificate /etc/ssh/{{.User.Certificate}}\n\tHostKey /etc/ssh/{{.User.Key}}\n\n"
)


def _custom(name: str, **changes: Any) -> dict[str, Any]:
    entry = {"name": name, "type": "file", "template": name, "path": f"x/{name}"} | changes
    return {"ssh": {"user": [entry]}, "data": _CUSTOM_DATA}


_WITH_USER = {"data": {"User": "joe", "StepSSHTemplateVersion": "v2"}}
_ASKED = {"with data": _WITH_USER, "without data": {}}
_HOST = {"type": "host", "data": {"Certificate": "c", "Key": "k"}}

BOTH = {"hostKey": "host", "userKey": "user"}
KEYS = [
    {"type": "host", "key": _EC},
    {"type": "host", "federated": True, "key": _OKP},
    {"type": "user", "federated": True, "key": _EC},
    {"type": "user", "federated": True, "key": _OKP},
]

_STANDING: dict[str, dict[str, Any]] = {
    "standard": {"ssh": BOTH, "requests": _STANDARD},
    "federated": {"ssh": {**BOTH, "keys": KEYS}, "requests": _ASKED | {"host": _HOST}},
    "ed25519": {
        "ssh": {"hostKey": "ed25519", "userKey": "ed25519"},
        "requests": _ASKED | {"host": _HOST},
    },
    "rsa": {"ssh": {"hostKey": "rsa", "userKey": "rsa"}, "requests": _ASKED | {"host": _HOST}},
    "only a user key": {"ssh": {"userKey": "user"}, "requests": _ASKED | {"host": _HOST}},
    "only a host key": {"ssh": {"hostKey": "host"}, "requests": _ASKED | {"host": _HOST}},
    "no keys": {"ssh": {}, "requests": _ASKED | {"host": _HOST}},
    "only keys of others": {"ssh": {"keys": KEYS}, "requests": _ASKED},
    "no ssh": {"ssh": None, "requests": _ASKED},
    "empty templates": {"ssh": BOTH, "templates": {}, "requests": _ASKED | {"host": _HOST}},
    "templates that are null": {
        "ssh": BOTH,
        "templates": {"ssh": None, "data": None},
        "requests": _ASKED,
    },
    "no templates listed": {
        "ssh": BOTH,
        "templates": {"ssh": {"user": [], "host": None}},
        "requests": _ASKED | {"host": _HOST},
    },
    "requires": {
        "ssh": BOTH,
        "templates": _custom("plain.tpl", requires=["User", "Other"]),
        "requests": {
            "both": {"data": {"User": "u", "Other": ""}},
            "one": {"data": {"User": "u"}},
            "in another case": {"data": {"User": "u", "other": "o"}},
            "none": {},
        },
    },
    "a directory": {
        "ssh": BOTH,
        "templates": {
            "ssh": {"user": [{"name": "d", "type": "directory", "path": "~/d", "requires": ["A"]}]}
        },
        "requests": {"with it": {"data": {"A": ""}}, "without it": {}},
    },
    "includes of one's own": {
        "ssh": BOTH,
        "templates": _custom(
            "step_includes.tpl", template="plain.tpl", path="${STEPPATH}/${STEPPATH}/x"
        ),
        "requests": _ASKED,
    },
    "includes as a snippet": {
        "ssh": BOTH,
        "templates": _custom("step_includes.tpl", type="snippet", template="plain.tpl"),
        "requests": _ASKED,
    },
    "a comment": {
        "ssh": BOTH,
        "templates": _custom("plain.tpl", comment="//"),
        "requests": _ASKED,
    },
    "an older sshd template": {
        "ssh": BOTH,
        "templates": {
            "ssh": {
                "host": [
                    {"name": "SSHD_config.tpl", "type": "snippet", "template": "sshd", "path": "p"},
                    {"name": "sshd_config.tpl", "type": "snippet", "template": "sshd", "path": "p"},
                ]
            }
        },
        "requests": {"a host": _HOST, "no key": {"type": "host", "data": {"Certificate": "c"}}},
    },
    "one after the other": {
        "ssh": BOTH,
        "templates": {
            "ssh": {
                "user": [
                    {"name": n, "type": "file", "template": n, "path": n}
                    for n in ("again.tpl", "user.tpl", "again.tpl")
                ]
            },
            "data": _CUSTOM_DATA,
        },
        "requests": _ASKED,
    },
}
_SINGLE: dict[str, dict[str, Any]] = {
    f"template {name}": {"ssh": BOTH, "templates": _custom(name), "requests": _ASKED}
    for name in _TEXTS
}
CONFIGURATIONS = _STANDING | _SINGLE

HOSTS: dict[str, tuple[str, str, Any]] = {
    "hosts": ("GET", "/ssh/hosts", None),
    "get-hosts": ("GET", "/ssh/get-hosts", None),
    "below 1.0": ("GET", "/1.0/ssh/hosts", None),
    "no host": ("POST", "/ssh/check-host", {"type": "host", "principal": "h"}),
    "a token": ("POST", "/ssh/check-host", {"type": "host", "principal": "h", "token": "t"}),
    "no type": ("POST", "/ssh/check-host", {"principal": "h"}),
    "a user": ("POST", "/ssh/check-host", {"type": "user", "principal": "h"}),
    "no principal": ("POST", "/ssh/check-host", {"type": "host"}),
    "a number": ("POST", "/ssh/check-host", {"type": "host", "principal": 1}),
    "null": ("POST", "/ssh/check-host", None),
    "bastion": ("POST", "/ssh/bastion", {"user": "joe", "hostname": "h"}),
    "bastion for nobody": ("POST", "/ssh/bastion", {"hostname": "h<&>"}),
    "bastion for nothing": ("POST", "/ssh/bastion", {"user": "joe"}),
    "bastion for itself": ("POST", "/ssh/bastion", {"hostname": "Bastion.example"}),
    "another path of config": ("POST", "/ssh/config/host", {"data": _USER}),
    "config of nothing": ("POST", "/ssh/config/", {"data": _USER}),
    "config of too much": ("POST", "/ssh/config/a/b", {"data": _USER}),
}
"""Asked in configurations of their own, with nothing recorded."""

HOST_CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "plain": {"ssh": BOTH},
    "no keys": {"ssh": {}},
    "no ssh": {"ssh": None},
    "not listed": {"ssh": BOTH, "disableGetSSHHosts": True},
    "no database": {"ssh": BOTH, "db": None},
    "not listed, no database": {"ssh": BOTH, "db": None, "disableGetSSHHosts": True},
    "a bastion": {"ssh": {**BOTH, "bastion": {"hostname": "bastion.example"}}},
    "a bastion with all": {
        "ssh": {
            **BOTH,
            "bastion": {
                "hostname": "bastion.example",
                "user": "u",
                "port": "2222",
                "cmd": "nc %h %p",
                "flags": "-4 -v",
            },
        }
    },
    "a bastion without name": {"ssh": {**BOTH, "bastion": {"user": "u"}}},
    "a bastion without keys": {"ssh": {"bastion": {"hostname": "bastion.example"}}},
}


class World:
    """The files of one configuration; `folder` is also the step path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pki = Pki.generate()
        self.keys: dict[str, PrivateKey] = {
            "host": ec.generate_private_key(ec.SECP256R1()),
            "user": ec.generate_private_key(ec.SECP384R1()),
            "ed25519": ed25519.Ed25519PrivateKey.generate(),
            "rsa": rsa.generate_private_key(65537, 2048),
        }

    def configuration(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write the files, and give a ca.json for them."""
        write_templates(self.folder)
        pki = self.pki
        texts = {
            "root.crt": pki.root.pem,
            "intermediate.crt": pki.intermediate.pem,
            "intermediate.key": pki.intermediate.key_pem,
        }
        for name, key in self.keys.items():
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            texts[f"{name}.key"] = pem.decode()
        for name, text in texts.items():
            (self.folder / name).write_text(text)
            (self.folder / name).chmod(0o600)
        database = {"type": "badgerv2", "dataSource": str(self.folder / "db")}
        made = {
            "root": str(self.folder / "root.crt"),
            "crt": str(self.folder / "intermediate.crt"),
            "key": str(self.folder / "intermediate.key"),
            "address": "127.0.0.1:0",
            "dnsNames": ["localhost", "127.0.0.1"],
            "db": given.get("db", database),
            "ssh": ssh_of(given["ssh"], self.folder),
            "templates": given.get("templates"),
            "authority": {
                "provisioners": [],
                "disableGetSSHHosts": given.get("disableGetSSHHosts", False),
            },
        }
        return {name: value for name, value in made.items() if value is not None}


def ssh_of(given: Mapping[str, Any] | None, folder: Path) -> dict[str, Any] | None:
    """Give `ssh` of ca.json with the files of its keys."""
    if given is None:
        return None
    files = {
        name: str(folder / f"{given[name]}.key") for name in ("hostKey", "userKey") if name in given
    }
    return {**given, **files}


def write_templates(folder: Path) -> None:
    """Write the texts of the templates."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**_TEXTS, "sshd": _SSHD}.items():
        (folder / name).write_text(text)


def reduced(status: int, body: bytes) -> dict[str, Any]:
    """Give what must be the same."""
    return {"status": status, "body": json.loads(body) if status < 300 else None}
