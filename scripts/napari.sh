#!/bin/sh
# Install napari and Qt beside the packages of VENV, check the manifest of the plugin, and run the
# tests that need them, without a screen. Usage: scripts/napari.sh VENV NAPARI_VENV TESTS...
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
    install 'napari[pyqt6]>=0.6'
    touch "$own/.installed"
    echo "napari installed: $(($(date +%s) - began)) s"
fi
"$own/bin/npe2" validate relook
# The plugins of pytest that napari brings warn when they are imported; warnings of napari are its own.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1
"$own/bin/python" -m pytest -q -p pytest_timeout -W ignore -m napari "$@"
