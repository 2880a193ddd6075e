# Packages of any Debian suite and architecture, fetched without a change to the system's apt. Source this file.
#
# shellcheck shell=bash
#
# Each suite and architecture has its own root below $cache/apt, so that lists that a mirror is just renewing spoil only one of
# them. The archive is the one that the system's sources name.
# The sourcing script has sourced check.sh, and sets `cache`, a directory that is kept between runs.

# apt_archive SUITE: prints the address of the archive that has the suite: that of the system's own suite.
apt_archive() {
    local release
    # shellcheck source=/dev/null
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    [[ $1 == *-security ]] && release+=-security
    # shellcheck disable=SC2016 # apt expands these.
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
        awk -v release="$release" '$2 == release && !found++ { print $1 } END { exit !found }' && return
    echo "the system's apt sources name no archive for $1" >&2
    return 1
}

# apt_root ARCHITECTURE SUITE...: prints the path of a root with lists that are at most a day old. Its file apt.conf is apt's
# configuration.
apt_root() {
    local architecture=$1 root suite archive
    shift
    root=$cache/apt/$architecture-$(IFS=+; echo "$*")
    mkdir -p "$root"/{lists/partial,archives/partial,parts,preferences}
    (
        flock 9
        [ -z "$(find "$root/fresh" -mmin -1440 2>/dev/null)" ] || exit 0
        : >"$root/status"
        for suite in "$@"; do
            archive=$(apt_archive "$suite") || exit 1
            echo "deb [arch=$architecture signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $suite main"
        done >"$root/sources.list" || exit 1
        cat >"$root/apt.conf" <<CONFIGURATION
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::parts "$root/parts";
Dir::Etc::preferencesparts "$root/preferences";
Dir::State::lists "$root/lists";
Dir::State::status "$root/status";
Dir::Cache::archives "$root/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
CONFIGURATION
        APT_CONFIG=$root/apt.conf limit 600 apt-get -qq update >"$root/update.log" 2>&1 && touch "$root/fresh"
    ) 9>"$root/lock" || { echo "no lists for $* on $architecture: $(tail -n 1 "$root/update.log")" >&2; return 1; }
    echo "$root"
}

# apt_newest ROOT PATTERN: prints the name of the newest package; `*` in the pattern stands for a version.
apt_newest() {
    local regex=${2//./\\.}
    regex=${regex//+/\\+}
    regex=${regex//\*/[0-9][0-9.]*}
    APT_CONFIG=$1/apt.conf apt-cache pkgnames | grep -xE -- "$regex" | sort -V | tail -n 1 | grep . && return
    echo "no package $2 in ${1##*/}" >&2
    return 1
}

# apt_fetch ROOT PACKAGE: prints the path of the package's file, and downloads it if it is missing.
apt_fetch() {
    local file
    (
        flock 9
        compgen -G "$1/archives/$2_*.deb" >/dev/null ||
            (cd "$1/archives" && APT_CONFIG=$1/apt.conf limit 1200 apt-get -qq download "$2") >"$1/download.log" 2>&1
    ) 9>"$1/lock"
    file=$({ compgen -G "$1/archives/$2_*.deb" || :; } | sort -V | tail -n 1)
    [ -n "$file" ] || { echo "can't download $2: $(tail -n 1 "$1/download.log")" >&2; return 1; }
    echo "$file"
}

# from_backports PACKAGE...: installs QEMU 10 out of Debian's backports. Only for this call is the system's apt told of them,
# by a root of its own; its sources stay as they are.
from_backports() {
    local package root packages=()
    [ "$(id -u)" = 0 ] || lacking "QEMU 10 is missing ($*), and installing it takes root"
    root=$(apt_root amd64 bookworm bookworm-security bookworm-backports) || lacking "QEMU 10 is missing, and no lists of packages can be had"
    # s390x has a package of its own in newer releases only, and was in the one of odds and ends before.
    for package; do
        APT_CONFIG=$root/apt.conf apt-cache show "$package" >/dev/null 2>&1 || package=qemu-system-misc
        [[ " ${packages[*]} " == *" $package "* ]] || packages+=("$package")
    done
    DEBIAN_FRONTEND=noninteractive APT_CONFIG=$root/apt.conf limit 1800 apt-get -qq install --yes \
        -o Dir::State=/var/lib/apt -o Dir::State::lists="$root/lists" -o Dir::State::status=/var/lib/dpkg/status \
        -o DPkg::Lock::Timeout=300 --target-release bookworm-backports "${packages[@]}" >"$root/install.log" 2>&1 ||
        lacking "QEMU 10 can't be installed: $(tail -n 3 "$root/install.log" | tr '\n' ' ')"
}

# qemu_version BINARY: the first number of its version; 0 where it is missing.
qemu_version() {
    local version
    have "$1" && version=$("$1" --version) && [[ $version =~ ^QEMU\ emulator\ version\ ([0-9]+) ]] &&
        echo "${BASH_REMATCH[1]}" && return
    echo 0
}
