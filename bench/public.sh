#!/bin/sh
# public.sh - gets the public sets of instances that instances.tsv speaks of; nothing else ever does
#
#   usage: public.sh FOLDER      then: bench_place --public=FOLDER --instances=bench/instances.tsv --peers=all
#
# Each is a repository of its authors, under their licence; checksums tell when it is another version.  Needs git and the network.
set -eu
folder=${1:?usage: public.sh FOLDER}
mkdir -p "$folder"

# get NAME ADDRESS: FOLDER/NAME, unless it is there
get() {
  if [ -e "$folder/$1" ]; then echo "$folder/$1 is there already"; return; fi
  git clone --quiet --depth 1 "$2" "$folder/$1"
  echo "$folder/$1: $(git -C "$folder/$1" rev-parse HEAD)"
}

get minimalloc https://github.com/google/minimalloc
