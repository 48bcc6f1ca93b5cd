#!/bin/sh
# Makes dist/hearth_VERSION_ARCH.deb of dist/hearth, and of dist/hearth-arm64 where that was built.
# The files are laid out by `hearth install`, of which a package is one more kind of machine.
set -eu
cd "$(dirname "$0")/.."
command -v dpkg-deb >/dev/null 2>&1 || {
    echo "make deb: dpkg-deb is missing; this is for Debian and its like: apt-get install dpkg" >&2
    exit 1
}
version=$(.venv/bin/python -c 'from appliance.model.version import VERSION; print(VERSION)')
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH

package() { # binary architecture
    tree=build/deb/$2
    rm -rf "$tree"
    mkdir -p "$tree/usr/lib/systemd"
    touch "$tree/usr/lib/systemd/systemd" # a system that systemd runs
    .venv/bin/hearth install --root "$tree" --prefix /usr --binary "$1" --unlock none --init systemd >/dev/null 2>&1
    rm "$tree/usr/lib/systemd/systemd"
    rm -r "$tree/etc" # what is chosen is the machine's, by hearth install
    gzip -9n "$tree"/usr/share/man/man1/*.1
    documents=$tree/usr/share/doc/hearth
    mkdir -p "$documents" "$tree/DEBIAN"
    cp homelab.md README.md "$documents/"
    gzip -9nc packaging/CHANGELOG.md >"$documents/changelog.gz"
    cp packaging/copyright "$documents/copyright"
    mkdir -p "$tree/usr/share/lintian/overrides"
    cp packaging/deb/lintian-overrides "$tree/usr/share/lintian/overrides/hearth"
    size=$(du -k -s --exclude=DEBIAN "$tree" | cut -f1)
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$2/; s/@SIZE@/$size/" packaging/deb/control >"$tree/DEBIAN/control"
    for script in postinst prerm postrm; do
        cp packaging/deb/$script "$tree/DEBIAN/$script"
        chmod 0755 "$tree/DEBIAN/$script"
    done
    (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
    chmod -R u+rwX,go+rX,go-w "$tree"
    dpkg-deb --root-owner-group -Zxz --build "$tree" "dist/hearth_${version}_$2.deb" >/dev/null
    ls -l "dist/hearth_${version}_$2.deb"
}

package dist/hearth "$(dpkg --print-architecture)"
[ ! -e dist/hearth-arm64 ] || package dist/hearth-arm64 arm64
[ -e dist/hearth-arm64 ] || echo "for arm64: make binary-arm64, then make deb again"
