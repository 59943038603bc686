#!/bin/sh
# embed.sh - a program of its own finds the library: installed through pkg-config and CMake, and as a Meson subproject
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

# skip TITLE WHY
skip() {
  count=$((count + 1))
  echo "ok $count - $1 # SKIP $2"
}

has() {
  command -v "$1" > /dev/null
}

install_tree() {
  meson install -C "$build" --destdir "$work/tree"
}

version() {
  sed -n "s/^ *version: '\(.*\)',/\1/p" "$root/meson.build"
}

# With the command come what tells of it and what completes it, each where it is looked for.
tells_of_itself() {
  find "$work/tree" -path '*/bin/ggml-alloc' | grep -q . || return 0
  for file in man/man1/ggml-alloc.1 bash-completion/completions/ggml-alloc.bash fish/vendor_completions.d/ggml-alloc.fish \
    zsh/site-functions/_ggml-alloc; do
    find "$work/tree" -path "*/share/$file" -size +1k | grep -q . || { echo "$file"; return 1; }
  done
}

flags() { # what pkg-config says of the installed tree
  PKG_CONFIG_LIBDIR=$(dirname "$pc") PKG_CONFIG_SYSROOT_DIR=$work/tree pkg-config "$@" ggml_alloc
}

# shellcheck disable=SC2046,SC2086
through_pkg_config() {
  pc=$(find "$work/tree" -name ggml_alloc.pc) && [ -n "$pc" ] || return 1
  lib=$(dirname "$(dirname "$pc")")
  [ "$(flags --modversion)" = "$(version)" ] &&
    $cc -std=c99 -Wall -Wextra -Werror "$root/tests/embed.c" $(flags --cflags --libs) -o "$work/installed" &&
    LD_LIBRARY_PATH=$lib "$work/installed"
}

# The tree is moved first: what CMake reads leads from where it is.
through_cmake() {
  mv "$work/tree" "$work/moved" && mkdir "$work/cmake" && cp "$root/tests/embed.c" "$work/cmake" &&
    config=$(find "$work/moved" -name ggml_alloc-config.cmake) && [ -n "$config" ] || return 1
  cat > "$work/cmake/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.13)
project(host C)
find_package(ggml_alloc ${WANTED} QUIET)
if(NOT ggml_alloc_FOUND)
  message(FATAL_ERROR "no ggml_alloc of version ${WANTED}: ${ggml_alloc_NOT_FOUND_MESSAGE}")
endif()
add_executable(embed embed.c)
target_link_libraries(embed PRIVATE ggml_alloc::ggml_alloc)
CMAKE
  cmake_setup() { # cmake_setup VERSION FOLDER
    CC=$cc cmake -S "$work/cmake" -B "$work/$2" -Dggml_alloc_DIR="$(dirname "$config")" -DWANTED="$1"
  }
  cmake_setup "$(version)" cmake-build && cmake --build "$work/cmake-build" && "$work/cmake-build/embed" || return 1
  echo "a later version is not there, and has to be refused"
  ! cmake_setup 99.0 cmake-later > "$work/later" 2>&1 && grep -q 'no ggml_alloc of version 99.0' "$work/later"
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

expect 'it installs' install_tree
expect 'the command comes with a manual and completions' tells_of_itself
title='a program builds and runs against the installed tree, through pkg-config'
if has pkg-config; then expect "$title" through_pkg_config; else skip "$title" 'no pkg-config'; fi
title='a program builds and runs against the installed tree, moved, through CMake'
if has cmake; then expect "$title" through_cmake; else skip "$title" 'no cmake'; fi
expect 'a program builds and runs with the library as a subproject' subproject
echo "1..$count"
