#!/bin/sh
# embed.sh - a program of its own finds the library: installed through pkg-config, and as a Meson subproject
#
#   usage: embed.sh ROOT BUILD CC
set -u
root=${1:?usage: embed.sh ROOT BUILD CC}
build=${2:?usage: embed.sh ROOT BUILD CC}
cc=${3:?usage: embed.sh ROOT BUILD CC}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0

# expect TITLE COMMAND: the command succeeds.
expect() {
  count=$((count + 1))
  if "$2" > "$work/log" 2>&1; then
    echo "ok $count - $1"
  else
    echo "not ok $count - $1"
    sed 's/^/# /' "$work/log"
  fi
}

install_tree() {
  meson install -C "$build" --destdir "$work/tree" && pc=$(find "$work/tree" -name ggml_alloc.pc) && [ -n "$pc" ]
}

flags() { # what pkg-config says of the installed tree
  PKG_CONFIG_LIBDIR=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$work/tree pkg-config "$@" ggml_alloc
}

# shellcheck disable=SC2046,SC2086
installed() {
  install_tree || return 1
  lib=$(dirname "$(dirname "$pc")")
  [ "$(flags --modversion)" = "$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build")" ] &&
    $cc -std=c99 -Wall -Wextra -Werror "$root/tests/embed.c" $(flags --cflags --libs) -o "$work/installed" &&
    LD_LIBRARY_PATH=$lib "$work/installed"
}

subproject() {
  mkdir -p "$work/host/subprojects/ggml_alloc" &&
    (cd "$root" && tar cf - meson.build meson_options.txt ggml_alloc include) | (cd "$work/host/subprojects/ggml_alloc" && tar xf -) &&
    cp "$root/tests/embed.c" "$work/host" &&
    cat > "$work/host/meson.build" <<'MESON' &&
project('host', 'c', meson_version: '>=1.0.0')
test('embed', executable('embed', 'embed.c', dependencies: dependency('ggml_alloc', fallback: 'ggml_alloc')))
MESON
    meson setup "$work/host-build" "$work/host" --wrap-mode=nodownload -Ddefault_library=static &&
    ninja -C "$work/host-build" all && meson test -C "$work/host-build" --no-rebuild
}

title='a program builds and runs against the installed tree, through pkg-config'
if command -v pkg-config > /dev/null; then
  expect "$title" installed
else
  count=1
  echo "ok 1 - $title # SKIP no pkg-config"
fi
expect 'a program builds and runs with the library as a subproject' subproject
echo "1..$count"
