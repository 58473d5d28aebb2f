#!/bin/sh
# Fails when the shared library $1 exports a name that is not public: atrous_ and one underscore.
set -eu
symbols=$(nm -D --defined-only "$1" | awk '{ print $3 }')
[ -n "$symbols" ] || { echo "$1 exports nothing"; exit 1; }
others=$(printf '%s\n' "$symbols" | grep -v '^atrous_[a-z]' || :)
[ -z "$others" ] || { printf 'exported, and not public:\n%s\n' "$others"; exit 1; }
