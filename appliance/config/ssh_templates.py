"""The SSH templates that `ca init --ssh` writes, and how ca.json lists them.

They are Go templates, rendered for `ssh config`: what they make is what step's own make. Data comes
from the client (`.User`) and the CA's SSH keys (`.Step.SSH`).
"""

from collections.abc import Mapping
from typing import Final

_WINDOWS: Final = '{{- $windows := eq (or .User.GOOS "none") "windows" }}'
_SLASHES: Final = 'replace "\\\\" "/" | trimPrefix "C:"'
_CONTEXT: Final = "{{- with .User.Context }} --context {{ . }}{{- end }}"
_PROXY: Final = (
    "step ssh proxycommand" + _CONTEXT + "{{- if .User.Console }} --console {{- end }}"
    "{{- with .User.Provisioner }} --provisioner {{ . }}{{- end }} %r %h %p"
)

_CONFIG: Final = (
    _WINDOWS
    + "{{- $base := or .User.StepBasePath .User.StepPath -}}\nHost *\n"
    + '\tInclude "{{ if $windows }}{{ $base | '
    + _SLASHES
    + ' }}{{ else }}{{ $base }}{{ end }}/ssh/includes"'
)

_INCLUDES: Final = (
    _WINDOWS
    + '{{- $path := .User.StepPath -}}\nInclude "{{ if $windows }}{{ $path | '
    + _SLASHES
    + ' }}{{ else }}{{ $path }}{{ end }}/ssh/config"'
)

_STEP_CONFIG: Final = (
    _WINDOWS
    + '{{- "" -}}\nMatch exec "step ssh check-host' + _CONTEXT + ' %h"\n'
    + "{{- with .User.User }}\n\tUser {{ . }}\n{{- end }}\n"
    + "{{- if $windows }}\n"
    + '\tUserKnownHostsFile "{{ .User.StepPath }}\\ssh\\known_hosts"\n'
    + "\tProxyCommand C:\\Windows\\System32\\cmd.exe /c " + _PROXY + "\n"
    + "{{- else }}\n"
    + '\tUserKnownHostsFile "{{ .User.StepPath }}/ssh/known_hosts"\n'
    + "\tProxyCommand " + _PROXY + "\n"
    + "{{- end }}\n"
)  # fmt: skip

_KNOWN_HOSTS: Final = (
    "{{- with .Step.SSH.HostKey -}}\n"
    "@cert-authority * {{ .Type }} {{ .Marshal | toString | b64enc }}\n"
    "{{- end }}\n"
    "{{- range .Step.SSH.HostFederatedKeys }}\n"
    "@cert-authority * {{ .Type }} {{ .Marshal | toString | b64enc }}\n"
    "{{- end }}\n"
)

_SSHD_CONFIG: Final = (
    "Match all\n"
    "\tTrustedUserCAKeys /etc/ssh/ca.pub\n"
    "\tHostCertificate /etc/ssh/{{ .User.Certificate }}\n"
    "\tHostKey /etc/ssh/{{ .User.Key }}"
)

_CA: Final = (
    "{{- with .Step.SSH.UserKey -}}\n"
    "{{ .Type }} {{ .Marshal | toString | b64enc }}\n"
    "{{- end }}\n"
    "{{- range .Step.SSH.UserFederatedKeys }}\n"
    "{{ .Type }} {{ .Marshal | toString | b64enc }}\n"
    "{{- end }}\n"
)

TEMPLATES: Final[Mapping[str, str]] = {
    "config.tpl": _CONFIG,
    "step_includes.tpl": _INCLUDES,
    "step_config.tpl": _STEP_CONFIG,
    "known_hosts.tpl": _KNOWN_HOSTS,
    "sshd_config.tpl": _SSHD_CONFIG,
    "ca.tpl": _CA,
}
"""File name below templates/ssh to content."""


def _entry(name: str, kind: str, path: str) -> dict[str, object]:
    return {
        "name": name,
        "type": kind,
        "template": f"templates/ssh/{name}",
        "path": path,
        "comment": "#",
    }


def ca_json() -> dict[str, object]:
    """Give the `templates` of a ca.json."""
    sshd = _entry("sshd_config.tpl", "snippet", "/etc/ssh/sshd_config")
    return {
        "ssh": {
            "user": [
                _entry("config.tpl", "snippet", "~/.ssh/config"),
                _entry("step_includes.tpl", "prepend-line", "${STEPPATH}/ssh/includes"),
                _entry("step_config.tpl", "file", "ssh/config"),
                _entry("known_hosts.tpl", "file", "ssh/known_hosts"),
            ],
            "host": [
                sshd | {"requires": ["Certificate", "Key"]},
                _entry("ca.tpl", "snippet", "/etc/ssh/ca.pub"),
            ],
        }
    }
