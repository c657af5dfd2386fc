#!/bin/sh
# Install napari and Qt beside the packages of VENV, check the manifest of the plugin, and run the
# tests that need them, without a screen. Usage: scripts/napari.sh VENV NAPARI_VENV TESTS...
set -eu

venv=$1
own=$2
shift 2
"$(dirname "$0")/beside.sh" "$venv" "$own" 'napari[pyqt6]>=0.6'
"$own/bin/npe2" validate relook
# The plugins of pytest that napari brings warn when they are imported; warnings of napari are its own.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 QT_QPA_PLATFORM=offscreen OMP_NUM_THREADS=1
"$own/bin/python" -m pytest -q -p pytest_timeout -W ignore -m napari "$@"
