"""`hearth ca`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

ca = StepGroup(
    "ca",
    help=(
        "Set up a certificate authority, and get, renew and revoke certificates from one.\n\n"
        "\b\nFirst steps with a running CA:\n"
        "  $ hearth ca bootstrap --ca-url https://ca.example.com --fingerprint d9d0…5097\n"
        "  $ hearth ca certificate internal.example.com internal.crt internal.key\n"
        "  $ hearth ca renew --daemon internal.crt internal.key"
    ),
    lazy={
        "init": ("appliance.cli.init:init", "set up a certificate authority"),
    },
)
