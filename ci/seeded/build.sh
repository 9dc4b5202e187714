#!/bin/sh
# Builds the kernel that is broken on purpose, once: installs what that needs, if it is missing, and
# leaves the kernel in mimic's cache. A second call finds it there, and prints its path again.
#
#   ci/seeded/build.sh
set -eu
exec "$(dirname "$0")/../kernels/build.sh" seeded-6.12
