"""Deletes what Barman's retention leaves behind; see clean-up.yaml, which sets the environment."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone

# barman-cloud-backup writes no others but DONE; an unknown one is left alone.
DEAD_STATUSES = ("FAILED", "STARTED", "EMPTY")


def barman(tool, server, *options):
    """Runs one of Barman's tools and returns what it prints."""
    endpoint = os.environ.get("ENDPOINT_URL")
    where = ["--endpoint-url", endpoint] if endpoint else []
    command = [f"barman-cloud-{tool}", *where, *options, os.environ["DESTINATION"], server]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def delete(server, *options):
    """Has Barman delete, or say what it would delete."""
    dry_run = ["--dry-run"] if os.environ["DRY_RUN"] == "true" else []
    print(barman("backup-delete", server, *dry_run, *options), end="", flush=True)


def is_dead(backup, limit):
    """Whether a backup is not done and so old that nobody can be at work on it."""
    if backup.get("status") not in DEAD_STATUSES:
        return False
    try:
        # The local time of whoever took it: a day off at most.
        began = datetime.strptime(backup["backup_id"], "%Y%m%dT%H%M%S")
    except ValueError:
        return False
    return began.replace(tzinfo=timezone.utc) < limit


def clean_up(server):
    """Deletes dead backups first: they protect WAL that the policy would let go."""
    limit = datetime.now(timezone.utc) - timedelta(days=int(os.environ["DEAD_AFTER_DAYS"]))
    listing = json.loads(barman("backup-list", server, "--format", "json"))
    for backup in listing["backups_list"]:
        if is_dead(backup, limit):
            print(f"{server}: {backup['backup_id']} is {backup['status']}", flush=True)
            delete(server, "--backup-id", backup["backup_id"])
    delete(server, "--retention-policy", os.environ["RETENTION_POLICY"])


def main():
    """Every server has its turn, whatever becomes of the others."""
    failed = False
    for server in os.environ["SERVERS"].split():
        try:
            clean_up(server)
        except (subprocess.CalledProcessError, json.JSONDecodeError, KeyError) as error:
            print(f"{server}: {error}", file=sys.stderr)
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
