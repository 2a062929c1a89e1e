#!/bin/sh
set -e
exec node algorithm.mjs
