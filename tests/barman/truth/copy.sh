#!/bin/sh
# Copies the data directory $1 to $2, as barman-cloud-backup reads it: without WAL and what belongs to
# the running server alone, and pg_control at last.
mkdir -m 700 "$2"
chown --reference="$1" "$2"
for entry in "$1"/*; do
  case ${entry##*/} in
    pg_wal | pg_dynshmem | pg_notify | pg_replslot | pg_serial | pg_stat_tmp | pg_snapshots | pg_subtrans)
      mkdir -m 700 "$2/${entry##*/}"
      chown --reference="$1" "$2/${entry##*/}"
      ;;
    postmaster.* | standby.signal | backup_label.old) ;;
    *) cp -a "$entry" "$2/" ;;
  esac
done
cp -a "$1/global/pg_control" "$2/global/pg_control"
