"""Deletes what Barman's retention leaves behind; see clean-up.yaml, which sets the environment."""

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone

# Other than these, barman-cloud-backup writes only DONE; backups with an unknown status are not touched.
DEAD_STATUSES = ("FAILED", "STARTED", "EMPTY")


def barman(tool, server, *options):
    """Runs one of Barman's tools and returns what it prints."""
    endpoint = os.environ.get("ENDPOINT_URL")
    where = ["--endpoint-url", endpoint] if endpoint else []
    command = [f"barman-cloud-{tool}", *where, *options, os.environ["DESTINATION"], server]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def delete(server, *options):
    """Lets Barman delete, or print what it would delete."""
    dry_run = ["--dry-run"] if os.environ["DRY_RUN"] == "true" else []
    print(barman("backup-delete", server, *dry_run, *options), end="", flush=True)


def is_dead(backup, limit):
    """Returns whether a backup is unfinished and too old to be still running."""
    if backup.get("status") not in DEAD_STATUSES:
        return False
    try:
        # Local time of the host that took it: off by a day at most.
        began = datetime.strptime(backup["backup_id"], "%Y%m%dT%H%M%S")
    except ValueError:
        return False
    return began.replace(tzinfo=timezone.utc) < limit


def clean_up(server):
    """Deletes dead backups first: they protect WAL that the policy would delete."""
    limit = datetime.now(timezone.utc) - timedelta(days=int(os.environ["DEAD_AFTER_DAYS"]))
    listing = json.loads(barman("backup-list", server, "--format", "json"))
    for backup in listing["backups_list"]:
        if is_dead(backup, limit):
            print(f"{server}: {backup['backup_id']} is {backup['status']}", flush=True)
            delete(server, "--backup-id", backup["backup_id"])
    delete(server, "--retention-policy", os.environ["RETENTION_POLICY"])


def main():
    """Cleans up every server, even if others fail."""
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
