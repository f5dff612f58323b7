//! Numbers and sizes of objects.

use super::ListedObject;

/// Number of objects, and their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Number of objects.
    pub objects: u64,
    /// Size of these objects, in bytes. Saturates, far above the size of any bucket.
    pub bytes: u64,
}

impl Sums {
    /// Adds one object of this size.
    pub fn add_object(&mut self, bytes: u64) {
        self.add(Self { objects: 1, bytes });
    }

    /// Adds other sums.
    pub fn add(&mut self, other: Self) {
        self.objects = self.objects.saturating_add(other.objects);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }

    /// Returns these sums together with others.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    /// Returns these sums without a part of them.
    #[must_use]
    pub const fn minus(self, part: Self) -> Self {
        Self {
            objects: self.objects.saturating_sub(part.objects),
            bytes: self.bytes.saturating_sub(part.bytes),
        }
    }
}

/// Sums of some objects, for someone who wants to read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SomeObjects {
    /// Number and size of all of them.
    pub sums: Sums,
    /// Number of objects in a storage class that cannot be read immediately.
    pub blocked: u64,
}

impl SomeObjects {
    /// Adds one object.
    pub fn add_object(&mut self, object: &ListedObject) {
        let blocked = u64::from(!object.is_read_at_once());
        self.add(Self {
            sums: Sums {
                objects: 1,
                bytes: object.size,
            },
            blocked,
        });
    }

    /// Adds the sums of other objects.
    pub fn add(&mut self, other: Self) {
        self.sums.add(other.sums);
        self.blocked = self.blocked.saturating_add(other.blocked);
    }

    /// Returns these sums together with others.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.add(other);
        self
    }
}
