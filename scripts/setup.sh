#!/bin/sh
# Make the virtual environment VENV with relook (editable), its development tools and the exact
# versions in CONSTRAINTS. Usage: scripts/setup.sh VENV CONSTRAINTS [PYTHON]
#
# An installation that was cut off half-way leaves VENV/.installing behind; the next run sees it
# and starts from nothing, because a half unpacked package can look complete to pip.
set -eu

venv=$1
constraints=$2
wanted=${3:-}
unfinished=$venv/.installing

is_suitable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    # The versions the project is tested with come first.
    for candidate in ${wanted:-python3.11 python3.12 python3.13 python3}; do
        if is_suitable "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    found=$("${wanted:-python3}" --version 2>&1 || true)
    echo "relook needs Python 3.11 or newer; ${wanted:-python3} is: ${found:-not there}." >&2
    echo "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
    exit 1
}

if [ -e "$unfinished" ] || ! is_suitable "$venv/bin/python" ||
    ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    python=$(find_python)
    echo "Creating $venv with $("$python" --version)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
fi

echo "Installing relook and its tools into $venv (the first time this downloads PyTorch)"
touch "$unfinished"
export PIP_DISABLE_PIP_VERSION_CHECK=1
# The build backend first: with it in place, no further download is needed to build relook.
"$venv/bin/python" -m pip install --quiet -c "$constraints" setuptools
"$venv/bin/python" -m pip install --quiet -c "$constraints" --no-build-isolation -e '.[dev,timm,video]'
rm -f "$unfinished"
