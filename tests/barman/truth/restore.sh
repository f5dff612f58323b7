#!/bin/sh
# Gets the WAL file $1 from the archive to $2, as barman-cloud-wal-restore does: a partial segment where
# the complete one is missing, an object of the wrong size as it is, status 1 where there is nothing, and
# status 4 where it cannot be decompressed. Notes the name and the object that was given in the file $3.
case $1 in
  *.history) place='ARCHIVE/wals' partial= ;;
  *) place='ARCHIVE/wals'/$(printf %.16s "$1") partial="$1.partial $1.partial.gz" ;;
esac
for object in "$1" "$1.gz" $partial; do
  [ -e "$place/$object" ] || continue
  case $object in
    *.gz)
      # Python makes nothing of nothing; gzip complains.
      if [ ! -s "$place/$object" ]; then
        : >"$2"
      elif ! gzip -d -c <"$place/$object" >"$2" 2>/dev/null; then
        printf '%s\n' "$1" >>"$3"
        exit 4
      fi
      ;;
    *) cp "$place/$object" "$2" || exit 4 ;;
  esac
  printf '%s %s\n' "$1" "$object" >>"$3"
  exit 0
done
printf '%s\n' "$1" >>"$3"
exit 1
