"""Tells what botocore, urllib3 and Python's ssl make of certificates.

Reads a list of questions as JSON from standard input and writes a list of answers. A question is either
about a store, {"endpoint": URL, "ca": file}, and answered with null or the error of a listing; or about a
certificate, {"certificate": file, "host": name}, and answered with whether it is that of the host.
"""

import json
import ssl
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.util.ssl_match_hostname import CertificateError, match_hostname


def listing(session, endpoint, ca):
    config = Config(
        connect_timeout=20,
        retries={"max_attempts": 0},
        s3={"addressing_style": "path"},
    )
    client = session.create_client(
        "s3", endpoint_url=endpoint, verify=ca, region_name="us-east-1", config=config
    )
    try:
        client.list_objects_v2(Bucket="backups")
    except ClientError:
        # An answer all the same: TLS is as it should be.
        return None
    # What OpenSSL says of a CA file is raised as it is.
    except (BotoCoreError, OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def is_host(certificate, host):
    try:
        # What `getpeercert` would return.
        decoded = ssl._ssl._test_decode_cert(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # As urllib3 does before it compares, and takes from botocore's settings.
        match_hostname(decoded, host.rstrip("."), context.hostname_checks_common_name)
    except (CertificateError, ValueError):
        return False
    return True


def answer(session, question):
    if "endpoint" in question:
        return listing(session, question["endpoint"], question["ca"])
    return is_host(question["certificate"], question["host"])


def main():
    session = botocore.session.Session()
    session.set_credentials("id", "secret")
    answers = [answer(session, question) for question in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


main()
