#!/bin/sh
# The portal and the client: types, eslint, accessibility rules, complete strings, unit tests, the client's size.
cd "$(dirname "$0")/../../web" || exit 1
own=$PWD/../build/node/node_modules/node/bin
[ ! -x "$own/node" ] || PATH=$own:$PATH
for script in lint test size; do
    npm run --silent "$script" || { echo "web: npm run $script failed"; exit 1; }
done
