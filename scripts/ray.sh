#!/bin/sh
# Install Ray beside the packages of VENV, and run the example of docs/clusters.md with two workers.
# Usage: scripts/ray.sh VENV RAY_VENV TESTS...
set -eu

venv=$1
own=$2
shift 2
"$(dirname "$0")/beside.sh" "$venv" "$own" 'ray[data]>=2.40'
# Warnings of Ray are its own; two cores are said to be there, since results are compared, not timed.
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 OMP_NUM_THREADS=1 RAY_USAGE_STATS_ENABLED=0
"$own/bin/python" -m pytest -q -p pytest_timeout -W ignore -m ray "$@"
