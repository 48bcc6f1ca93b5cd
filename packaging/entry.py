"""Where the one-file program begins."""

import sys

try:
    import ssl  # noqa: F401 - only to see that it is there
except ImportError:
    sys.exit(
        "hearth: this machine lacks OpenSSL 3 (libssl.so.3); on Debian: apt-get install libssl3"
    )

from appliance.cli.main import main

sys.exit(main())
