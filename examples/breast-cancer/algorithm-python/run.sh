#!/bin/sh
set -e
exec python3 algorithm.py
