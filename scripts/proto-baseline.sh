#!/usr/bin/env bash
# Stores the current protos as the image that `buf breaking` compares with. Run it at a release, with a line in
# CHANGELOG.md; at other times, a change that breaks clients needs a new package version (v2), not a new baseline.
source "$(dirname "$0")/environment.sh"
scripts/setup.sh web
(cd proto && "$WEB_BIN/buf" build --exclude-source-info --output baseline.binpb)
echo "proto/baseline.binpb holds the protos as they are now"
