#!/bin/sh
# Python where it is, else Node: the demo needs only one of them.
if command -v python3 >/dev/null 2>&1; then exec python3 cheat.py; else exec node cheat.mjs; fi
