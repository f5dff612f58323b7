//! What a restore with Barman does with a fault.
//!
//! Read in Barman 3.20.1 and tried with it. WAL goes through `decompress_to_file` in
//! `cloud_compression.py`, which reads with the classes of `compression.py`: `gzip.GzipFile`,
//! `bz2.BZ2File`, `lzma.open`, `snappy.stream_decompress`, `ZstdDecompressor.stream_reader` and
//! `lz4.frame.open`. Base backups go through `extract_tar` in `cloud.py`: `DecompressingStreamingIO`
//! hands pieces of 8 KiB to one decompressor object, never asks whether its stream has ended, and
//! pipes the result into `tar`.

use barman_archive::barman::Compression;

use super::{CodecFault, LaterStreams, TrailingBytes};

/// Kind of restore that reads an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreKind {
    /// `barman-cloud-wal-restore`.
    Wal,
    /// `barman-cloud-restore`.
    Base,
}

/// Behaviour of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It fails. Of a segment, `PostgreSQL` then learns that the archive does not have it, and ends
    /// recovery there.
    Refuses,
    /// It succeeds, and all the content is there.
    RestoresAll,
    /// It succeeds with what it could read: the rest is missing, or the file is empty.
    RestoresPart,
    /// One of these, depending on the bytes or where they lie.
    Depends,
}

/// Returns what a restore does with an object that has a fault.
///
/// Without compression nothing but the content decides, except for bytes that are appended to a tar
/// archive, which `tar` does not read.
#[must_use]
pub const fn reaction(
    fault: CodecFault,
    compression: Option<Compression>,
    restore: RestoreKind,
) -> Reaction {
    match restore {
        RestoreKind::Wal => reaction_of_wal_restore(fault, compression),
        RestoreKind::Base => reaction_of_base_restore(fault, compression),
    }
}

const fn reaction_of_wal_restore(fault: CodecFault, compression: Option<Compression>) -> Reaction {
    let Some(compression) = compression else {
        return Reaction::Depends;
    };
    match fault {
        CodecFault::Empty if compression.takes_nothing_for_empty() => Reaction::RestoresPart,
        CodecFault::Truncated if compression.takes_what_is_left() => Reaction::RestoresPart,
        CodecFault::Empty | CodecFault::Truncated => Reaction::Refuses,
        CodecFault::Damaged | CodecFault::NotThisFormat { .. } => match compression {
            // What looks like a chunk that is longer than the file is waited for and dropped: a file
            // of another format can be restored as an empty one.
            Compression::Snappy => Reaction::Depends,
            Compression::Gzip
            | Compression::Bzip2
            | Compression::Xz
            | Compression::Zstandard
            | Compression::Lz4 => Reaction::Refuses,
        },
        CodecFault::Trailing(trailing) => reaction_to_end_of_wal(trailing, compression),
        // Limits are ours.
        CodecFault::TooLong { .. } => Reaction::RestoresAll,
    }
}

const fn reaction_to_end_of_wal(trailing: TrailingBytes, compression: Compression) -> Reaction {
    match compression {
        // `gzip` skips zeros, and nothing else.
        Compression::Gzip => match trailing {
            TrailingBytes::Zeros => Reaction::RestoresAll,
            TrailingBytes::Framing | TrailingBytes::Other => Reaction::Refuses,
        },
        // `_compression.DecompressReader` takes what cannot be another stream for rubbish.
        Compression::Bzip2 => match trailing {
            TrailingBytes::Zeros | TrailingBytes::Framing => Reaction::RestoresAll,
            TrailingBytes::Other => Reaction::Depends,
        },
        // So does `lzma`, but zeros can be the beginning of a file in its older format.
        Compression::Xz => match trailing {
            TrailingBytes::Zeros => Reaction::Refuses,
            TrailingBytes::Framing => Reaction::RestoresAll,
            TrailingBytes::Other => Reaction::Depends,
        },
        // Dropped if it looks like the beginning of a long chunk.
        Compression::Snappy => match trailing {
            TrailingBytes::Framing => Reaction::RestoresAll,
            TrailingBytes::Zeros | TrailingBytes::Other => Reaction::Depends,
        },
        Compression::Zstandard | Compression::Lz4 => Reaction::Refuses,
    }
}

const fn reaction_of_base_restore(fault: CodecFault, compression: Option<Compression>) -> Reaction {
    match fault {
        // `tar` refuses an archive of no bytes.
        CodecFault::Empty | CodecFault::NotThisFormat { .. } => Reaction::Refuses,
        // No decompressor notices it; `tar` does if a member is cut, and not between two members. What
        // is cut in the end marker or the codec's checksum is not missed.
        CodecFault::Truncated => Reaction::Depends,
        CodecFault::Damaged => match compression {
            Some(Compression::Snappy) | None => Reaction::Depends,
            Some(
                Compression::Gzip
                | Compression::Bzip2
                | Compression::Xz
                | Compression::Zstandard
                | Compression::Lz4,
            ) => Reaction::Refuses,
        },
        CodecFault::Trailing(_) => match compression {
            Some(Compression::Gzip) | None => Reaction::RestoresAll,
            // Ignored in the piece of 8 KiB in which the stream ends, and an error behind it; of Snappy as
            // of WAL. Barman does not write `.tar.xz`.
            Some(
                Compression::Bzip2
                | Compression::Xz
                | Compression::Snappy
                | Compression::Zstandard
                | Compression::Lz4,
            ) => Reaction::Depends,
        },
        CodecFault::TooLong { .. } => Reaction::RestoresAll,
    }
}

/// Returns what a restore does with an object of several streams, each of them sound.
///
/// For WAL, all classes read on behind the end of a stream. For base backups, `decompress` is called on
/// one object of `zlib`, `bz2`, `zstandard` or `lz4.frame` for pieces of 8 KiB. It passes over what
/// follows in the piece in which the stream ends; in later pieces `zlib` returns nothing, and the
/// others raise an error. Tried with each of them, and with `bzip2`, `zstd` and `lz4` of several streams.
#[must_use]
pub const fn reaction_to_several_streams(
    compression: Compression,
    restore: RestoreKind,
    behind_first: LaterStreams,
) -> Reaction {
    if matches!(restore, RestoreKind::Wal) || matches!(compression, Compression::Snappy) {
        return Reaction::RestoresAll;
    }
    match (behind_first, compression) {
        (LaterStreams::None, _) | (LaterStreams::Empty, Compression::Gzip) => Reaction::RestoresAll,
        // An error if it does not end in the same piece; otherwise `tar` does not miss its end marker.
        (LaterStreams::Empty | LaterStreams::Zeros, _) => Reaction::Depends,
        // Or an error, which is no better.
        (LaterStreams::Content, _) => Reaction::RestoresPart,
    }
}
