"""Rules by which the service's user, who is no login of anybody, gets at tokens."""

from typing import Final

from appliance.server.service.layout import USER

# Makers of tokens whose PKCS#11 modules speak USB themselves (--device usb).
_VENDORS: Final = {
    "1050": "Yubico",
    "20a0": "Nitrokey",
    "04e6": "Identiv",
    "08e6": "Thales",
    "0529": "SafeNet",
    "23a0": "Bit4id",
    "1fc9": "NXP",
}


def udev() -> str:
    """Give the group of the service tokens on USB. A TPM has a group by Debian's own rules."""
    lines = [
        "# Tokens on USB, for PKCS#11 modules that do without pcscd.",
        'ACTION=="remove", GOTO="hearth_end"',
        'SUBSYSTEM!="usb", GOTO="hearth_end"',
        'ENV{DEVTYPE}!="usb_device", GOTO="hearth_end"',
    ]
    for vendor, name in _VENDORS.items():
        lines += [f"# {name}", f'ATTR{{idVendor}}=="{vendor}", GROUP="{USER}", MODE="0660"']
    return "\n".join([*lines, 'LABEL="hearth_end"', ""])


def polkit() -> str:
    """Let the user speak to the smart card service, which asks polkit about who has no seat."""
    return f"""\
// Hearth's service uses cards and YubiKeys by pcscd.
polkit.addRule(function(action, subject) {{
    if ((action.id == "org.debian.pcsc-lite.access_pcsc" ||
         action.id == "org.debian.pcsc-lite.access_card") && subject.user == "{USER}") {{
        return polkit.Result.YES;
    }}
}});
"""
