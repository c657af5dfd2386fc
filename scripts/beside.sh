#!/bin/sh
# Install packages into an environment that sees those of VENV, once: relook and PACKAGES.
# Usage: scripts/beside.sh VENV OWN_VENV PACKAGES...
set -eu

venv=$1
own=$2
shift 2
if [ ! -e "$own/.installed" ]; then
    began=$(date +%s)
    rm -rf "$own"
    "$venv/bin/python" -m venv --without-pip "$own"
    purelib='import sysconfig; print(sysconfig.get_path("purelib"))'
    site=$("$venv/bin/python" -c "$purelib")
    echo "$site" >"$("$own/bin/python" -c "$purelib")/$(basename "$venv").pth"
    install() {
        "$venv/bin/python" -m pip --python "$own/bin/python" install --quiet \
            --disable-pip-version-check "$@"
    }
    install --no-deps --no-build-isolation -e .
    install "$@"
    touch "$own/.installed"
    echo "$* installed: $(($(date +%s) - began)) s"
fi
