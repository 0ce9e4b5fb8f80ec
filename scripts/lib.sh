# shellcheck shell=bash
# What the scripts share: messages, Debian packages, the Swift toolchain, builds, Python. Sourced, never run.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# --yes and CI=true install missing packages without asking.
ASSUME_YES=${ASSUME_YES:-$([[ ${CI:-} == true ]] && echo true || echo false)}

# What building takes beside the toolchain: headers of PKCS#11, OpenSSL and zlib, pkg-config to find them, git for packages.
BUILD_PACKAGES=(git libc6-dev libp11-kit-dev libssl-dev pkg-config zlib1g-dev)

say() { printf '%s\n' "$*" >&2; }
step() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# need_packages NAME... installs the Debian packages that are missing, or says what to type.
need_packages() {
    local name missing=() sudo=()
    if ! command -v dpkg-query >/dev/null; then
        say "This is no Debian or Ubuntu system. Needed, under whatever names it has here: $*"
        return
    fi
    for name in "$@"; do
        [[ $(dpkg-query -W -f='${db:Status-Abbrev}' "$name" 2>/dev/null) == ii* ]] || missing+=("$name")
    done
    ((${#missing[@]} > 0)) || return 0
    if ((EUID != 0)); then
        command -v sudo >/dev/null || explain_packages "${missing[@]}"
        sudo=(sudo)
    fi
    if [[ $ASSUME_YES != true ]]; then
        [[ -t 0 ]] || explain_packages "${missing[@]}"
        read -r -p "Install ${missing[*]}? [Y/n] " name
        [[ ${name:-y} == [Yy]* ]] || explain_packages "${missing[@]}"
    fi
    step "installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq >&2
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

explain_packages() {
    say "Missing Debian packages. Install them with this line and start again (or give --yes):"
    say "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $*"
    exit 1
}

# find_swift sets SWIFT to a toolchain of version 6.2 or later.
find_swift() {
    local candidate version major minor
    [[ -z ${SWIFT:-} ]] || return 0
    for candidate in "$(command -v swift || true)" /opt/swift/usr/bin/swift /usr/local/swift/usr/bin/swift \
        "$HOME/.local/share/swiftly/bin/swift" "$HOME/.swiftly/bin/swift"; do
        [[ -n $candidate && -x $candidate ]] || continue
        version=$("$candidate" --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
        read -r major minor <<<"${version:-0 0}"
        if ((major > 6 || (major == 6 && minor >= 2))); then
            SWIFT=$candidate
            return
        fi
    done
    die "no Swift 6.2 or later found. Install one from https://www.swift.org/install/linux/ and put it on the PATH."
}

# swift_build ARGUMENT... builds; lines of progress are thinned out where no terminal shows them in place.
swift_build() {
    need_packages "${BUILD_PACKAGES[@]}"
    find_swift
    if [[ -t 2 ]]; then
        "$SWIFT" build --package-path "$ROOT" "$@" >&2
    else
        "$SWIFT" build --package-path "$ROOT" "$@" 2>&1 | awk '
            /^(Fetch|Comput|Creating working copy|Working copy)/ { next }
            !/^\[[0-9]+\/[0-9]+\]/ || NR % 100 == 0 { print; fflush() }' >&2
    fi
}

# is_current CONFIGURATION EXECUTABLE: whether no source is newer than the executable, or than the stamp that
# build_executable leaves: a build that had nothing to link again does not touch the executable.
is_current() {
    local folder=$ROOT/.build/$1 reference
    [[ -x $folder/$2 ]] || return 1
    for reference in "$folder/$2" "$folder/.$2.current"; do
        [[ -e $reference && -z $(sources_of "$2" | xargs -0 -I{} find {} -newer "$reference" -print -quit) ]] && return 0
    done
    return 1
}

# sources_of EXECUTABLE prints files and folders it is built from, each ended by a zero byte.
sources_of() {
    local -a folders=(AuditLog CLibcrypto CPKCS11 CSystem Custody StrictEncoding HSMBridge VaultTesting vault-development)
    printf '%s\0' "$ROOT/Package.swift"
    if [[ $1 == vault-development ]]; then
        printf '%s\0' "${folders[@]/#/$ROOT/Sources/}"
    else
        find "$ROOT/Sources" -mindepth 1 -maxdepth 1 \
            ! -name VaultTesting ! -name FaultModule ! -name vault-development -print0
    fi
}

# build_executable CONFIGURATION EXECUTABLE builds one executable and stamps it. A release has Swift's libraries inside:
# the machine it runs on has no toolchain.
build_executable() {
    local started
    local -a flags=()
    [[ $1 != release ]] || flags=(--static-swift-stdlib)
    started=$(mktemp)
    step "building $2 ($1)"
    swift_build -c "$1" "${flags[@]}" --product "$2"
    touch -r "$started" "$ROOT/.build/$1/.$2.current"
    rm -f "$started"
}

# executable NAME sets BINARY (for the script that calls it) to the newest build of an executable: release before debug when both are current. What is
# stale is built, in the configuration that was built last.
# shellcheck disable=SC2034
executable() {
    local configuration
    for configuration in release debug; do
        if is_current "$configuration" "$1"; then
            BINARY=$ROOT/.build/$configuration/$1
            return
        fi
    done
    configuration=$(newest_configuration)
    build_executable "$configuration" "$1"
    BINARY=$ROOT/.build/$configuration/$1
}

# newest_configuration prints the configuration that was built last; debug where there is none.
newest_configuration() {
    if [[ $ROOT/.build/release/vault-appliance -nt $ROOT/.build/debug/vault-appliance ]]; then
        echo release
    else
        echo debug
    fi
}

# python_environment sets PYTHON to an interpreter with Tests/Python/requirements.txt, in .venv of the repository.
python_environment() { python_environment_of requirements.txt .venv; }

# python_environment_of FILE DIRECTORY does so for a file of Tests/Python, in a directory of the repository.
python_environment_of() {
    local requirements=$ROOT/Tests/Python/$1 directory=$ROOT/$2
    PYTHON=$directory/bin/python
    if [[ -x $PYTHON ]] && cmp -s "$requirements" "$directory/requirements.txt"; then return; fi
    if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then need_packages python3 python3-venv; fi
    step "preparing Python in $(basename "$directory")"
    # Joined by &&, for in a condition the shell does not stop at a command that fails.
    python3 -m venv --clear "$directory" &&
        "$PYTHON" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements" >&2 &&
        cp "$requirements" "$directory/requirements.txt"
}

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
