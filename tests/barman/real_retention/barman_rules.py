"""Asks Barman's own code what it makes of servers, which come as JSON on the standard input.

Each server has files by key, a policy, a minimum redundancy, and the moment it is looked at. For each
one there is the report of a Barman server, which knows every backup from its files, and what is left
after `barman-cloud-backup-delete`, which has a bucket in memory. An error counts as none.
"""

import contextlib
import datetime
import io
import json
import logging
import os
import sys
import tempfile
import types

# Before the others: Barman's modules use each other in circles.
from barman.clients import cloud_backup_delete

from barman import retention_policies
from barman.annotations import KeepManager
from barman.infofile import LocalBackupInfo

SERVER = "s"


class Bucket:
    """As much of a cloud interface as a deletion needs."""

    path = ""

    def __init__(self, files):
        self.files = dict(files)

    def close(self):
        pass

    def list_bucket(self, prefix="", delimiter="/"):
        seen = set()
        for key in sorted(self.files):
            if not key.startswith(prefix):
                continue
            head, found, _ = key[len(prefix) :].partition(delimiter or "\0")
            name = prefix + head + found
            if name not in seen:
                seen.add(name)
                yield name

    def get_prefixes(self, prefix):
        return {name for name in self.list_bucket(prefix.rstrip("/") + "/") if name.endswith("/")}

    def remote_open(self, key, *_):
        return io.BytesIO(self.files[key].encode()) if key in self.files else None

    def delete_objects(self, keys, **_):
        for key in keys:
            self.files.pop(key, None)

    def delete_under_prefix(self, prefix):
        self.delete_objects([key for key in self.files if key.startswith(prefix)])


class Catalog:
    """The backups of a Barman server, and what they are kept for."""

    def __init__(self, files, directory):
        self.files = files
        config = types.SimpleNamespace(name=SERVER, basebackups_directory=directory)
        self.server = types.SimpleNamespace(
            config=config,
            backup_manager=types.SimpleNamespace(mode="postgres"),
            meta_directory=directory,
            use_backup_cloud_storage=False,
        )
        for key, content in files.items():
            if key.endswith("/backup.info"):
                path = os.path.join(directory, f"{key.split('/')[2]}-backup.info")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(content)

    def get_backup_list(self):
        keys = [key for key in self.files if key.endswith("/backup.info")]
        ids = [key.split("/")[2] for key in keys]
        return {backup: LocalBackupInfo(self.server, backup_id=backup) for backup in ids}

    def get_keep_target(self, backup):
        target = self.files.get(f"{SERVER}/base/{backup}/annotations/keep")
        known = (KeepManager.TARGET_FULL, KeepManager.TARGET_STANDALONE)
        return target if target in known else None


def report(server):
    with tempfile.TemporaryDirectory() as directory:
        catalog = Catalog(server["files"], directory)
        policy = retention_policies.RetentionPolicyFactory.create(
            "retention_policy",
            server["policy"],
            server_name=SERVER,
            catalog=catalog,
            minimum_redundancy=server["minimum"],
        )
        try:
            return policy.report()
        except RecursionError:
            return None


def left(server):
    bucket = Bucket(server["files"])
    cloud_backup_delete.get_cloud_interface = lambda _: bucket
    cloud_backup_delete.configure_logging = lambda _: None
    arguments = ["s3://bucket", SERVER, "--retention-policy", server["policy"]]
    arguments += ["--minimum-redundancy", str(server["minimum"])]
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            cloud_backup_delete.main(arguments)
    except SystemExit as exit:
        assert exit.code == 4, exit.code
        assert bucket.files == server["files"], "deletes nothing if it ends with an error"
        return None
    return sorted(bucket.files)


def answer(server):
    now = datetime.datetime.fromisoformat(server["now"])

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return now.astimezone(tz)

    retention_policies.datetime = Clock
    return {"report": report(server), "left": left(server)}


logging.disable(logging.CRITICAL)
# No chain here is that deep, and a circle is noticed sooner.
sys.setrecursionlimit(250)
json.dump([answer(server) for server in json.load(sys.stdin)], sys.stdout)
