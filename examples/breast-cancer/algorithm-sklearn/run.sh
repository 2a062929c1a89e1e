#!/bin/sh
set -e
export PYTHONPATH="$PWD/dependencies:$PYTHONPATH" PYTHONDONTWRITEBYTECODE=1
exec python3 algorithm.py
