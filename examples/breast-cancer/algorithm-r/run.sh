#!/bin/sh
set -e
exec Rscript --vanilla algorithm.R
