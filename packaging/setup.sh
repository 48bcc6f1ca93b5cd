#!/bin/sh
# Makes .venv with the locked dependencies, and the system packages that a purpose needs:
# run, test or bench. A second call finds everything in place and returns at once.
set -eu
purpose=${1:-run}
stamp=.venv/.complete
lock=packaging/requirements.lock

# The distribution's own comes first: it is built with profile-guided optimization. One built from
# source by its defaults is not, and runs our code half as fast.
find_python() {
    for candidate in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

# The clients that our ACME is held to. Debian's certbot is not the one of .venv; apache2-bin and
# caddy are the programs, which the tests start themselves.
acme_clients() {
    for pair in /usr/bin/certbot:certbot lego:lego uacme:uacme dehydrated:dehydrated curl:curl \
        acme-tiny:acme-tiny /usr/sbin/apache2:apache2-bin caddy:caddy node:nodejs npm:npm; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
}

# What builds pyscard, of which there are no wheels.
pcsc_headers() {
    .venv/bin/python -c 'import smartcard' 2>/dev/null && return
    for pair in gcc:gcc pkg-config:pkg-config; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
    [ -e /usr/include/PCSC/winscard.h ] || echo libpcsclite-dev
    python=$(find_python)
    case $python in
        '') echo python3-dev ;;
        /usr/bin/*) "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || echo python3-dev ;;
    esac
}

# A PC/SC service with a virtual reader, a PKCS#11 token and a TPM in software, and other people's
# programs for YubiKeys.
token_peers() {
    for pair in pcscd:pcscd opensc-tool:opensc yubico-piv-tool:yubico-piv-tool \
        softhsm2-util:softhsm2 swtpm:swtpm tpm2_flushcontext:tpm2-tools; do
        PATH="$PATH:/usr/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
    [ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] || echo vsmartcard-vpcd
    ls /usr/lib/*/libykcs11.so.2 >/dev/null 2>&1 || echo ykcs11
    ls /usr/lib/*/pkcs11/libtpm2_pkcs11.so >/dev/null 2>&1 || echo libtpm2-pkcs11-1
    ls /usr/lib/*/libtss2-tcti-swtpm.so.0 >/dev/null 2>&1 || echo libtss2-tcti-swtpm0
}

# What judges units and manual pages.
service_peers() {
    for pair in systemd-analyze:systemd lexgrog:man-db; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
}

missing_packages() {
    [ -x .venv/bin/python ] || [ -n "$(find_python)" ] || echo python3 python3-venv
    pcsc_headers
    [ "$purpose" = run ] && return
    for pair in openssl:openssl certtool:gnutls-bin tmux:tmux objdump:binutils ssh-keygen:openssh-client; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
    PATH="$PATH:/usr/sbin" command -v sshd >/dev/null 2>&1 || echo openssh-server
    [ "$purpose" != bench ] || command -v wrk >/dev/null 2>&1 || echo wrk
    [ "$purpose" != test ] || { acme_clients && token_peers && service_peers; }
    # PyInstaller bundles the shared library of Python; Debian ships it apart.
    python=$(find_python)
    if [ -z "$python" ]; then
        echo libpython3.11
    elif ! "$python" -c 'import sys, sysconfig; sys.exit(not sysconfig.get_config_var("Py_ENABLE_SHARED"))' ||
        case $python in /usr/bin/*) true ;; *) false ;; esac; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        ldconfig -p 2>/dev/null | grep -q "libpython$version\.so" || /sbin/ldconfig -p | grep -q "libpython$version\.so" ||
            echo "libpython$version"
    fi
}

packages=$(missing_packages | tr '\n' ' ' | sed 's/ *$//')
if [ -n "$packages" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "hearth: these system packages are missing; as root: apt-get install $packages" >&2
        exit 1
    fi
    echo "hearth: installing system packages: $packages" >&2
    apt-get update -q >/dev/null
    # shellcheck disable=SC2086 # one word a package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages >/dev/null
fi

# Clients from Node's registry; the lock has their hashes and names no host.
node=.venv/node
node_lock=tests/interop/acme/node/package-lock.json
if [ "$purpose" = test ] && { [ ! -e $node/.complete ] || [ $node_lock -nt $node/.complete ]; }; then
    mkdir -p $node
    cp tests/interop/acme/node/package.json $node_lock $node/
    (cd $node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
    touch $node/.complete
fi

[ -e "$stamp" ] && [ ! "$lock" -nt "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] && exit 0
echo "hearth: setting up .venv (once)" >&2
[ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
pip_install() {
    PATH="$PWD/.venv/bin:$PATH" .venv/bin/python -m pip install --quiet --quiet --disable-pip-version-check --no-deps "$@"
}
awk '/^[A-Za-z]/ { built = /^pyscard==/ } { print > (built ? ".venv/built.lock" : ".venv/wheels.lock") }' "$lock"
pip_install --require-hashes --only-binary :all: -r .venv/wheels.lock
pip_install --require-hashes --no-binary :all: --no-build-isolation -r .venv/built.lock
pip_install --no-build-isolation --editable .
touch "$stamp"
