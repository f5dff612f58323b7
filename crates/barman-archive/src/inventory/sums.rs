//! Numbers and sizes of objects.

use super::ListedObject;

/// Objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Number of objects.
    pub objects: u64,
    /// Their bytes. Saturates: no bucket comes near the end of the range.
    pub bytes: u64,
}

impl Sums {
    /// Counts one object of this size.
    pub fn add_object(&mut self, bytes: u64) {
        self.add(Self { objects: 1, bytes });
    }

    /// Counts what other sums counted.
    pub fn add(&mut self, other: Self) {
        self.objects = self.objects.saturating_add(other.objects);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// These and the other sums together.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// These without a part of them.
    #[must_use]
    pub const fn minus(self, part: Self) -> Self {
        Self {
            objects: self.objects.saturating_sub(part.objects),
            bytes: self.bytes.saturating_sub(part.bytes),
        }
    }
}

/// Some objects, as whoever wants to read them sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SomeObjects {
    /// All of them.
    pub sums: Sums,
    /// Number of objects in a storage class that cannot be read immediately.
    pub blocked: u64,
}

impl SomeObjects {
    /// Counts one object.
    pub fn add_object(&mut self, object: &ListedObject) {
        let blocked = u64::from(!object.is_read_at_once());
        self.add(Self { sums: Sums { objects: 1, bytes: object.size }, blocked });
    }

    /// Counts what other sums counted.
    pub fn add(&mut self, other: Self) {
        self.sums.add(other.sums);
        self.blocked = self.blocked.saturating_add(other.blocked);
    }

    /// These and the other objects together.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.add(other);
        self
    }
}
