#!/bin/sh
# Builds dist/hearth-arm64 in a Debian 12 of that processor, which runs here by emulation, and tries
# what came of it: makes a CA, serves it, issues from it. As root; about ten minutes the first time,
# four thereafter (the Debian stays in build/arm64).
#
# MIRROR=… takes Debian from there, not from where debootstrap does by itself.
set -eu
cd "$(dirname "$0")/.."
system=$PWD/build/arm64
binfmt=/proc/sys/fs/binfmt_misc
name=hearth-aarch64
packages=python3,python3-dev,python3-venv,gcc,libc6-dev,pkg-config,libpcsclite-dev,binutils,ca-certificates

refuse() {
    echo "make binary-arm64: $1" >&2
    exit 1
}

case $(uname -m) in
    aarch64) refuse "this machine is arm64 itself: make binary" ;;
esac
lacking=
for pair in debootstrap:debootstrap qemu-aarch64-static:qemu-user-static; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null 2>&1 || lacking="$lacking ${pair##*:}"
done
[ -z "$lacking" ] || refuse "these system packages are missing; as root: apt-get install$lacking"
[ "$(id -u)" -eq 0 ] || refuse "must run as root: it makes a Debian of another processor, and enters it"
qemu=$(command -v qemu-aarch64-static)

# Mounts are this process's own, and end with it.
if [ -z "${HEARTH_APART:-}" ]; then
    HEARTH_APART=1 exec unshare --mount --propagation private sh "$0" "$@"
fi

# Programs of the other processor are given to the emulator; undone at the end where it was not so.
ours=
[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt ||
    refuse "this kernel cannot give programs to an emulator (no binfmt_misc)"
trap '[ -z "$ours" ] || echo -1 > $binfmt/$name; exit' EXIT INT TERM
if ! grep -qs '^interpreter.*aarch64' $binfmt/*; then
    magic='\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":$name:M::$magic:$mask:$qemu:OCF" > $binfmt/register
    ours=1
fi

if [ ! -e "$system/.debian" ]; then
    rm -rf "$system"
    mkdir -p "$system"
    # shellcheck disable=SC2086 # no mirror is no argument
    debootstrap --arch=arm64 --variant=minbase --include=$packages bookworm "$system" ${MIRROR:-} >"$system.log" 2>&1 ||
        refuse "Debian could not be had; the end of $system.log: $(tail -n 3 "$system.log")"
    touch "$system/.debian"
fi
mount -t proc proc "$system/proc"
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e $file ] || cp -L $file "$system$file"
done

inside() {
    chroot "$system" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        PIP_CERT=/etc/ssl/certs/ca-certificates.crt sh -eu -c "$1"
}

rm -rf "$system/src"
mkdir "$system/src"
cp -r appliance tui packaging pyproject.toml "$system/src/"
# The parts that are needed to run and to build; what judges and tests stays away.
.venv/bin/python packaging/needed.py >"$system/needed.lock"
if ! cmp -s "$system/needed.lock" "$system/.installed"; then
    awk '/^[A-Za-z]/ { built = /^pyscard==/ } { print > (built ? "'"$system"'/built.lock" : "'"$system"'/wheels.lock") }' "$system/needed.lock"
    inside '
        [ -x /venv/bin/python ] || python3 -m venv /venv
        pip="/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes"
        $pip --only-binary :all: -r /wheels.lock
        PATH=/venv/bin:$PATH $pip --no-binary :all: --no-build-isolation -r /built.lock'
    cp "$system/needed.lock" "$system/.installed"
fi
bundle() {
    inside '
        cd /src
        PYTHONPATH=/src /venv/bin/python -m PyInstaller --noconfirm --log-level WARN \
            --distpath /dist --workpath /work packaging/hearth.spec'
}
# An emulated process breaks down now and then, for no fault of its own: once more, then.
bundle || bundle

inside '
    umask 077; rm -rf /try && mkdir /try && cd /try && export STEPPATH=/try/step
    echo only-for-this > password
    /dist/hearth version
    /dist/hearth ca init --name Try --dns localhost --address 127.0.0.1:8443 --provisioner admin \
        --password-file password --provisioner-password-file password >/dev/null 2>&1
    /dist/hearth serve --quiet --password-file password & server=$!
    for second in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        /dist/hearth ca health >/dev/null 2>&1 && break
        [ $second -lt 20 ] || { echo "it does not serve" >&2; kill $server; exit 1; }
        sleep 1
    done
    /dist/hearth ca certificate localhost a.crt a.key --provisioner admin --password-file password >/dev/null 2>&1
    /dist/hearth certificate verify a.crt --roots step/certs/root_ca.crt
    /dist/hearth certs list
    kill $server
    wait $server'
mkdir -p dist
cp "$system/dist/hearth" dist/hearth-arm64
ls -l dist/hearth-arm64
