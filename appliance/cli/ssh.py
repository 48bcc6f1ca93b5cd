"""`hearth ssh`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

ssh = StepGroup(
    "ssh",
    help=(
        "Get SSH certificates from a CA, and keep them in the SSH agent.\n\n"
        "\b\nExamples:\n"
        "  $ hearth ssh login jane@example.com\n"
        "  $ hearth ssh certificate --host --sign host.example.com ssh_host_ecdsa_key.pub\n"
        "  $ hearth ssh list"
    ),
    lazy={
        "certificate": (
            "appliance.cli.ssh_certificate:certificate",
            "get a certificate for a new key, or for one that there is",
        ),
        "check-host": (
            "appliance.cli.ssh_check_host:check_host",
            "say by the exit code if a host has a certificate",
        ),
        "config": ("appliance.cli.ssh_config:config", "set SSH up to use certificates"),
        "fingerprint": (
            "appliance.cli.ssh_fingerprint:fingerprint",
            "print the fingerprint of a key or a certificate",
        ),
        "hosts": ("appliance.cli.ssh_hosts:hosts", "list the hosts that have certificates"),
        "inspect": ("appliance.cli.ssh_inspect:inspect", "show what a certificate says"),
        "krl": ("appliance.cli.ssh_krl:krl", "fetch the list of revoked certificates, for sshd"),
        "list": ("appliance.cli.ssh_list:list_keys", "list what the SSH agent holds"),
        "login": ("appliance.cli.ssh_login:login", "get a certificate into the SSH agent"),
        "logout": ("appliance.cli.ssh_logout:logout", "remove certificates from the SSH agent"),
        "needs-renewal": (
            "appliance.cli.ssh_needs_renewal:needs_renewal",
            "say by the exit code if a certificate is due",
        ),
        "proxycommand": (
            "appliance.cli.ssh_proxycommand:proxycommand",
            "connect SSH to a host, logged in; for its ProxyCommand",
        ),
        "rekey": ("appliance.cli.ssh_rekey:rekey", "renew a host's certificate for a new key"),
        "renew": ("appliance.cli.ssh_renew:renew", "renew a host's certificate"),
        "revoke": ("appliance.cli.ssh_revoke:revoke", "revoke a certificate"),
    },
)
