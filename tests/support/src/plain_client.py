"""Asks an S3 server what it holds, or changes it, and prints the answer as JSON.

Usage: plain_client.py ENDPOINT BUCKET QUESTION

Questions: create, objects, uploads, delete KEY, empty KEY, copy KEY KEY, put FILE KEY, mirror
DIRECTORY, which stores every object below it, and change FILE, which holds a JSON object of keys and
their new content, null to remove them.

Credentials come from the environment. It shares no code with the exporter, so that the two can be
compared.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

AT_ONCE = 16


def objects(client, bucket):
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [
        {
            "key": entry["Key"],
            "size": entry["Size"],
            "last_modified": entry["LastModified"].timestamp(),
            "storage_class": entry.get("StorageClass"),
        }
        for page in pages
        for entry in page.get("Contents", [])
    ]


def uploads(client, bucket):
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    return [
        {
            "key": upload["Key"],
            "upload_id": upload["UploadId"],
            "initiated": upload["Initiated"].timestamp(),
            "part_sizes": part_sizes(client, bucket, upload),
        }
        for page in pages
        for upload in page.get("Uploads", [])
    ]


def part_sizes(client, bucket, upload):
    pages = client.get_paginator("list_parts").paginate(
        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
    )
    return [part["Size"] for page in pages for part in page.get("Parts", [])]


def create(client, bucket):
    client.create_bucket(Bucket=bucket)


def delete(client, bucket, key):
    client.head_object(Bucket=bucket, Key=key)  # Deleting what is not there would succeed.
    client.delete_object(Bucket=bucket, Key=key)


def empty(client, bucket, key):
    """Replaces an object by one without content."""
    client.put_object(Bucket=bucket, Key=key, Body=b"")


def copy(client, bucket, key, to):
    client.copy_object(Bucket=bucket, CopySource={"Bucket": bucket, "Key": key}, Key=to)


def put(client, bucket, file, key):
    with open(file, "rb") as content:
        client.put_object(Bucket=bucket, Key=key, Body=content)


def mirror(client, bucket, directory):
    for entry in objects(client, bucket):
        file = Path(directory, entry["key"])
        file.parent.mkdir(parents=True, exist_ok=True)
        client.download_file(bucket, entry["key"], str(file))


def change(client, bucket, file):
    def one(item):
        key, content = item
        if content is None:
            client.delete_object(Bucket=bucket, Key=key)
        else:
            client.put_object(Bucket=bucket, Key=key, Body=content.encode())

    with open(file, encoding="utf-8") as changes:
        items = json.load(changes).items()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, items))


def main():
    endpoint, bucket, question, *arguments = sys.argv[1:]
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        config=Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"max_attempts": 1},
            max_pool_connections=AT_ONCE,
        ),
    )
    answers = [create, objects, uploads, delete, empty, copy, put, mirror, change]
    answer = {answer.__name__: answer for answer in answers}[question]
    json.dump(answer(client, bucket, *arguments), sys.stdout)


main()
