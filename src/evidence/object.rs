//! Evidence about one object.

use barman_archive::inventory::ListedObject;
use fnv::FnvHasher;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Version of an object: a hash of its entity tag and its size, or of its arrival time where a store sends
/// no tag.
///
/// The hash is part of saved evidence, so it must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// Returns the version of a listed object.
    #[must_use]
    pub fn of(object: &ListedObject) -> Self {
        let mut hasher = FnvHasher::default();
        match object.etag.as_deref() {
            Some(etag) if !etag.is_empty() => hasher.write(etag.as_bytes()),
            Some(_) | None => hasher.write_i64(object.last_modified.timestamp_micros().to_le()),
        }
        hasher.write(&object.size.to_le_bytes());
        Self(hasher.finish())
    }

    /// Returns the version of several objects together, in their order.
    pub fn of_all<'o>(objects: impl IntoIterator<Item = &'o ListedObject>) -> Self {
        let mut hasher = FnvHasher::default();
        for object in objects {
            hasher.write(object.key.as_bytes());
            hasher.write(&Self::of(object).0.to_le_bytes());
        }
        Self(hasher.finish())
    }
}

/// Depth to which an object was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Its first and last bytes.
    Edges,
    /// The whole object.
    Whole,
}

impl Depth {
    /// The depth as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Edges => "edges",
            Self::Whole => "whole",
        }
    }
}

/// Verdict on the content of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentVerdict {
    /// Nothing wrong was found, as far as the object was read.
    Sound,
    /// Something seems to be wrong, and was not proven.
    Suspect,
    /// Damage was found, and found again in a second read of the same bytes.
    Corrupt,
    /// The content cannot be judged: access is refused, the format is unknown, or it takes too much
    /// memory.
    Unreadable,
}

impl ContentVerdict {
    /// The verdict as a word for scripts.
    #[must_use]
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Suspect => "suspect",
            Self::Corrupt => "corrupt",
            Self::Unreadable => "unreadable",
        }
    }
}
