"""Damages one object of an archive, as a seed decides, and prints as JSON what was done to it.

Usage: damage.py SEED DIRECTORY RESULT

DIRECTORY holds `archive`, the objects of one server; `foreign`, segments of another cluster with the
names of segments of the archive; and `diverged`, segments that a copy of the cluster wrote. The damaged
object goes to the file RESULT. Compression is Barman's own.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import re
import struct
import sys
import tarfile
from pathlib import Path

import lz4.frame
import zstandard
from barman.clients.cloud_compression import get_compressor
from barman.compression import get_internal_compressor

PAGE = 8192
NAMES = {
    "gz": "gzip",
    "bz2": "bzip2",
    "xz": "xz",
    "snappy": "snappy",
    "zst": "zstd",
    "lz4": "lz4",
}
SEGMENT = re.compile(r"wals/.*/[0-9A-F]{24}(\.(gz|bz2|xz|snappy|zst|lz4))?$")
DATA = re.compile(r"base/([^/]*)/[^/]*\.tar(\.(gz|bz2|snappy|zst|lz4))?$")
RELATION = re.compile(
    r"^(?:\./)?((?:base/\d+|global|PG_[^/]*/\d+)/\d+)(_fsm|_vm|_init)?(\.\d+)?$"
)


class Object:
    """Object as it is stored, and what it is when decompressed."""

    def __init__(self, root, file):
        self.key = str(file.relative_to(root))
        self.stored = file.read_bytes()
        self.ending = self.key.rsplit(".", 1)[-1]
        self.codec = NAMES.get(self.ending)
        self.is_wal = self.key.startswith("wals/")
        self.plain = strictly_decoded(self.codec, self.stored)

    def encode(self, plain):
        if self.codec is None:
            return plain
        if self.is_wal:
            return encoded(self.codec, plain)
        compressor = get_compressor(self.ending)
        chunks = [compressor.add_chunk(plain[at : at + 65536]) for at in range(0, len(plain), 65536)]
        return b"".join(chunks) + compressor.flush()


def encoded(codec, plain):
    return get_internal_compressor(codec).compress_in_mem(io.BytesIO(plain)).read()


def strictly_decoded(codec, stored):
    """Whole content, or an exception if there is anything wrong with the stream."""
    if codec is None:
        return stored
    if codec == "gzip":
        return gzip.decompress(stored)
    makers = {
        "bzip2": bz2.BZ2Decompressor,
        "xz": lzma.LZMADecompressor,
        "lz4": lz4.frame.LZ4FrameDecompressor,
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj(),
    }
    if codec in makers:
        one = makers[codec]()
        plain = one.decompress(stored)
        if not one.eof or one.unused_data:
            raise ValueError("not one whole stream")
        return plain
    return get_internal_compressor(codec).decompress_in_mem(io.BytesIO(stored)).read()


def decoded_or_none(codec, stored):
    try:
        return strictly_decoded(codec, stored)
    except Exception:  # Each library has its own, and they mean the same here.
        return None


# Damage to bytes, stored or decompressed.


def flip(bytes_, dice):
    at = dice.randrange(len(bytes_))
    return bytes_[:at] + bytes([bytes_[at] ^ 1 << dice.randrange(8)]) + bytes_[at + 1 :]


def overwrite(bytes_, dice, fill):
    length = min(dice.choice([16, 512, 4096, 65536]), len(bytes_))
    at = dice.randrange(len(bytes_) - length + 1)
    if dice.random() < 0.5:
        at -= at % 512
    return bytes_[:at] + fill(length) + bytes_[at + length :]


def block(bytes_, dice):
    return overwrite(bytes_, dice, dice.randbytes)


def zeros(bytes_, dice):
    return overwrite(bytes_, dice, bytes)


def cut(bytes_, dice):
    return bytes_[: dice.randrange(1, len(bytes_))]


def cut_near_the_end(bytes_, dice):
    return bytes_[: -dice.randrange(1, min(64, len(bytes_)))]


def hole(bytes_, dice):
    """A piece is missing, as when a store loses a part."""
    at = dice.randrange(len(bytes_))
    return bytes_[:at] + bytes_[at + dice.choice([1, 512, 8192, 65536]) :]


def doubled(bytes_, dice):
    """A piece is there twice."""
    at, length = dice.randrange(len(bytes_)), dice.choice([1, 512, 8192, 65536])
    return bytes_[: at + length] + bytes_[at:]


def extended(bytes_, dice):
    return bytes_ + dice.randbytes(dice.choice([1, 512, 10240]))


def framed(bytes_, dice):
    """The framing of an upload in chunks was stored as content."""
    size = dice.choice([65536, len(bytes_)])
    chunks = [bytes_[at : at + size] for at in range(0, len(bytes_), size)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"


def empty(bytes_, dice):
    return b""


BYTES = [flip, flip, block, zeros, cut, cut_near_the_end, hole, doubled, extended, framed, empty]
PLAIN = [flip, flip, block, zeros, cut, hole, doubled, extended]


# Damage to WAL as a whole. Each returns what is stored.


def other_segment(object_, dice, world):
    other = dice.choice([one for one in world.segments if one.name != Path(object_.key).name])
    return object_.encode(Object(world.root, other).plain)


def foreign_segment(object_, dice, world):
    return object_.encode(world.namesake("foreign", object_, dice))


def diverged_segment(object_, dice, world):
    return object_.encode(world.namesake("diverged", object_, dice))


def wrong_codec(object_, dice, world):
    others = [name for name in NAMES.values() if name != object_.codec]
    return encoded(dice.choice(others), object_.plain)


def twice(object_, dice, world):
    return object_.encode(object_.encode(object_.plain)) if object_.codec else framed(object_.plain, dice)


def again(object_, dice, world):
    """The same content, in other words."""
    plain = object_.plain
    if object_.codec == "gzip":
        return gzip.compress(plain, dice.choice([1, 4, 9]))
    if object_.codec == "bzip2":
        return bz2.compress(plain, dice.choice([1, 9]))
    if object_.codec == "xz":
        return lzma.compress(plain, preset=dice.choice([0, 6]))
    if object_.codec == "zstd":
        options = {"level": dice.choice([1, 9]), "write_checksum": dice.random() < 0.5}
        return zstandard.ZstdCompressor(**options).compress(plain)
    if object_.codec == "lz4":
        return lz4.frame.compress(plain, content_checksum=dice.random() < 0.5)
    return object_.stored


WAL = [other_segment, foreign_segment, diverged_segment, diverged_segment, wrong_codec, twice, again]


# Damage to data within their tar. Each returns the decompressed tar.


def members(plain):
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        return [member for member in tar if member.isfile()]


def change_member(plain, member, content):
    at = member.offset_data
    return plain[:at] + content + plain[at + len(content) :]


def content_of(plain, member):
    return plain[member.offset_data : member.offset_data + member.size]


def a_page(plain, dice, wanted):
    """A page that is not empty of a relation, with its place in the tar."""
    pages = []
    for member in members(plain):
        if wanted(member.name):
            for at in range(member.offset_data, member.offset_data + member.size - PAGE + 1, PAGE):
                if any(plain[at : at + PAGE]):
                    pages.append(at)
    return dice.choice(pages)


def is_main(name):
    found = RELATION.match(name)
    return found and not found[2]


def with_page(plain, at, page):
    return plain[:at] + page + plain[at + PAGE :]


def page_flip(plain, dice, world):
    at = a_page(plain, dice, is_main)
    return with_page(plain, at, flip(plain[at : at + PAGE], dice))


def torn_page(plain, dice, world):
    """Half of the page is as it was before it was first written: zeros."""
    at = a_page(plain, dice, is_main)
    half = PAGE // 2
    halves = [bytes(half) + plain[at + half : at + PAGE], plain[at : at + half] + bytes(half)]
    return with_page(plain, at, dice.choice(halves))


def zero_page(plain, dice, world):
    return with_page(plain, a_page(plain, dice, is_main), bytes(PAGE))


def swapped_pages(plain, dice, world):
    one, two = a_page(plain, dice, is_main), a_page(plain, dice, is_main)
    page = plain[one : one + PAGE]
    return with_page(with_page(plain, one, plain[two : two + PAGE]), two, page)


def page_of_the_future(plain, dice, world):
    """Only its LSN, which is behind the end of the backup, gives it away."""
    at = a_page(plain, dice, is_main)
    member = next(one for one in members(plain) if one.offset_data <= at < one.offset_data + one.size)
    page = struct.pack("<II", 0x7FFF, 0) + plain[at + 8 : at + PAGE]
    number = (at - member.offset_data) // PAGE
    return with_page(plain, at, page[:8] + struct.pack("<H", checksum(page, number)) + page[10:])


def map_page(plain, dice, world):
    """PostgreSQL reads these forks leniently."""

    def is_map(name):
        found = RELATION.match(name)
        return found and found[2] in ("_fsm", "_vm")

    at = a_page(plain, dice, is_map)
    return with_page(plain, at, flip(plain[at : at + PAGE], dice))


def unlogged_page(plain, dice, world):
    """A restore empties the relation."""
    found = [RELATION.match(member.name) for member in members(plain)]
    unlogged = {one[1] for one in found if one and one[2] == "_init"}

    def is_unlogged(name):
        one = RELATION.match(name)
        return one and one[1] in unlogged and one[2] != "_init"

    at = a_page(plain, dice, is_unlogged)
    return with_page(plain, at, dice.randbytes(PAGE))


def file_flip(plain, dice, world, *names):
    ends = tuple(names)
    member = dice.choice([one for one in members(plain) if one.size and one.name.endswith(ends)])
    return change_member(plain, member, flip(content_of(plain, member), dice))


def control_flip(plain, dice, world):
    return file_flip(plain, dice, world, "pg_control")


def label_flip(plain, dice, world):
    return file_flip(plain, dice, world, "backup_label")


def map_file_flip(plain, dice, world):
    return file_flip(plain, dice, world, "pg_filenode.map")


def cut_between_members(plain, dice, world):
    member = dice.choice(members(plain))
    end = member.offset_data + member.size
    return plain[: end + -end % 512]


def without_end_marker(plain, dice, world):
    member = members(plain)[-1]
    end = member.offset_data + member.size
    return plain[: end + -end % 512]


PAGES = [page_flip, page_flip, page_flip, torn_page, torn_page, zero_page, swapped_pages]
MEMBERS = [
    page_of_the_future,
    map_page,
    unlogged_page,
    control_flip,
    label_flip,
    map_file_flip,
    cut_between_members,
    without_end_marker,
]


def checksum(page, number):
    """Checksum of a page, as PostgreSQL computes it (`checksum_impl.h`)."""
    words = struct.unpack("<2048I", page[:8] + bytes(2) + page[10:])
    sums = list(SEEDS)
    for row in [*range(64), None, None]:
        for lane in range(32):
            word = 0 if row is None else words[row * 32 + lane]
            mixed = sums[lane] ^ word
            sums[lane] = (mixed * 16777619 & 0xFFFFFFFF) ^ mixed >> 17
    total = number
    for one in sums:
        total ^= one
    return total % 65535 + 1


SEEDS = (
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
)  # fmt: skip


# What has changed.


def changes(before, after):
    """Differences between two tars, by member; None if the damaged one is not whole."""
    try:
        old, new = members(before), members(after)
    except (tarfile.TarError, EOFError, ValueError):
        return None
    if [one.name for one in old] != [one.name for one in new] or not ends_well(after, new):
        return None
    pairs = [(one.name, content_of(before, one), content_of(after, two)) for one, two in zip(old, new)]
    return [change(*pair) for pair in pairs if pair[1] != pair[2]]


def ends_well(plain, members_):
    end = members_[-1].offset_data + members_[-1].size
    end += -end % 512
    return not any(plain[end:]) and len(plain) >= end + 1024


def change(name, old, new):
    found = {"member": name, "is_relation": bool(RELATION.match(name)), "has_same_size": len(old) == len(new)}
    places = range(0, max(len(old), len(new)), PAGE)
    changed = [at for at in places if old[at : at + PAGE] != new[at : at + PAGE]]
    zeroed = sum(not any(new[at : at + PAGE]) for at in changed)
    blocks = [at // PAGE for at in changed[:5]]
    return found | {"pages": len(changed), "zeroed": zeroed, "blocks": blocks}


class World:
    """Archive, and what else may get into it."""

    def __init__(self, directory):
        self.directory = directory
        self.root = directory / "archive"
        files = sorted(file for file in self.root.rglob("*") if file.is_file())
        self.segments = [file for file in files if SEGMENT.match(str(file.relative_to(self.root)))]
        self.data = [file for file in files if DATA.match(str(file.relative_to(self.root)))]

    def namesake(self, place, object_, dice):
        """Segment with the name of an object from another place, or any if it has none."""
        name = Path(object_.key).name.split(".")[0]
        same = self.directory / place / name
        files = sorted((self.directory / place).iterdir())
        return (same if same.exists() else dice.choice(files)).read_bytes()


def damage_wal(world, dice):
    file = dice.choice(world.segments)
    object_ = Object(world.root, file)
    way = dice.choice(["stored", "plain", "whole"])
    if way == "stored":
        how = dice.choice(BYTES)
        return object_, f"stored {how.__name__}", how(object_.stored, dice)
    if way == "plain":
        how = dice.choice(PLAIN)
        return object_, f"plain {how.__name__}", object_.encode(how(object_.plain, dice))
    how = dice.choice(WAL)
    # Segments that only a copy has are worth more than those that all share.
    if how in (foreign_segment, diverged_segment):
        place = how.__name__.split("_")[0]
        names = {one.name for one in (world.directory / place).iterdir()}
        both = [one for one in world.segments if one.name.split(".")[0] in names]
        object_ = Object(world.root, dice.choice(both))
    return object_, how.__name__, how(object_, dice, world)


def damage_data(world, dice):
    object_ = Object(world.root, dice.choice(world.data))
    way = dice.choice(["stored", "plain", "page", "page", "member", "again"])
    if way == "stored":
        how = dice.choice(BYTES)
        return object_, f"stored {how.__name__}", how(object_.stored, dice)
    if way == "plain":
        how = dice.choice(PLAIN)
        return object_, f"plain {how.__name__}", object_.encode(how(object_.plain, dice))
    if way == "again":
        how = dice.choice([again, wrong_codec, twice])
        return object_, how.__name__, how(object_, dice, world)
    how = dice.choice(PAGES if way == "page" else MEMBERS)
    try:
        return object_, how.__name__, object_.encode(how(object_.plain, dice, world))
    except IndexError:  # A tablespace, say, has no such file.
        return object_, "plain flip", object_.encode(flip(object_.plain, dice))


def main():
    seed, directory, result = sys.argv[1:]
    dice = random.Random(int(seed))
    world = World(Path(directory))
    act = dice.choice([damage_wal, damage_wal, damage_data, damage_data, damage_data])
    object_, kind, stored = act(world, dice)
    Path(result).write_bytes(stored)
    plain = decoded_or_none(object_.codec, stored)
    is_data = not object_.is_wal and plain is not None
    found = DATA.match(object_.key)
    report = {
        "key": object_.key,
        "backup": found[1] if found else None,
        "kind": kind,
        # The library passes over a short rest behind a stream of Snappy.
        "is_same": plain == object_.plain and (object_.codec != "snappy" or kind == "again"),
        "changes": changes(object_.plain, plain) if is_data else None,
    }
    json.dump(report, sys.stdout)


main()
