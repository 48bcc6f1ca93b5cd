"""`hearth crypto key`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

key = StepGroup(
    "key",
    help=(
        "Show and convert keys, sign with them and verify.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto key inspect priv.pem\n"
        "  $ hearth crypto key format --jwk pub.pem"
    ),
    lazy={
        "fingerprint": (
            "appliance.cli.crypto_key_show:fingerprint",
            "print the fingerprint of a public key",
        ),
        "format": ("appliance.cli.crypto_key_format:convert", "write a key in another form"),
        "inspect": ("appliance.cli.crypto_key_show:inspect", "show what a key consists of"),
        "public": ("appliance.cli.crypto_key_show:public", "print the public half of a key"),
        "sign": ("appliance.cli.crypto_key_sign:sign", "sign a message"),
        "verify": ("appliance.cli.crypto_key_sign:verify", "check the signature of a message"),
    },
)
