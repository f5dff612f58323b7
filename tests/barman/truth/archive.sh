#!/bin/sh
# Puts the WAL file $1 into the archive under the name $2, as barman-cloud-wal-archive does: history
# files directly into wals/, everything else into its WAL directory, over what is there. Compresses
# as long as there is a file of that name, as with --gzip.
case $2 in
  *.history) place='ARCHIVE/wals' ;;
  *)
    place='ARCHIVE/wals'/$(printf %.16s "$2")
    mkdir -p "$place"
    ;;
esac
if [ -e 'SCRIPTS/compress' ]; then
  gzip -1 -c <"$1" >"TEMPORARY/$2.$$" && mv "TEMPORARY/$2.$$" "$place/$2.gz"
else
  cp "$1" "TEMPORARY/$2.$$" && mv "TEMPORARY/$2.$$" "$place/$2"
fi
