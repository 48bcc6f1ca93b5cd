"""`hearth crypto`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

crypto = StepGroup(
    "crypto",
    help=(
        "Make keys and change their passwords.\n\n"
        "\b\nExamples:\n"
        "  $ hearth crypto keypair foo.pub foo.key\n"
        "  $ hearth crypto change-pass foo.key"
    ),
    lazy={
        "change-pass": (
            "appliance.cli.crypto_change_pass:change_pass",
            "change the password of a private key",
        ),
        "keypair": ("appliance.cli.crypto_keypair:keypair", "make a public and a private key"),
    },
)
