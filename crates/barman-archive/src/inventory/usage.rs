//! Usage: bytes and objects of a part of an archive.

use chrono::{DateTime, Utc};
use smallvec::SmallVec;

use super::{ListedObject, StorageClass, Sums};

/// Usage of a part of an archive: number and size of its objects, by storage class and by day of
/// arrival.
///
/// Small however many objects there are, as it is kept for every WAL directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Number and size of all objects.
    pub sums: Sums,
    /// Bytes by storage class.
    classes: SmallVec<[(StorageClass, u64); 1]>,
    /// Bytes by day of arrival, in order.
    days: SmallVec<[(Day, u64); 1]>,
}

/// Day in UTC, counted from the start of Unix time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i32);

/// Maximum number of classes that are counted separately. No store has that many; a hostile one
/// could name any number.
const MAX_CLASSES: usize = 32;

/// Maximum number of days that are counted separately: ten years. Earlier arrivals count for the
/// first day.
const MAX_DAYS: usize = 3660;

impl Day {
    /// Returns the day of a moment.
    #[must_use]
    pub fn of(moment: DateTime<Utc>) -> Self {
        let days = moment.timestamp().div_euclid(24 * 60 * 60);
        // Chrono's range of years fits.
        Self(i32::try_from(days).unwrap_or(i32::MAX))
    }

    /// Start of the day.
    #[must_use]
    pub fn begins_at(self) -> DateTime<Utc> {
        let seconds = i64::from(self.0) * 24 * 60 * 60;
        DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

impl Usage {
    /// Adds one object.
    pub fn add_object(&mut self, object: &ListedObject) {
        self.sums.add_object(object.size);
        let default = StorageClass::DEFAULT;
        let class = object.storage_class.as_ref().unwrap_or(&default);
        self.add_class(class, object.size);
        self.add_day(Day::of(object.last_modified), object.size);
    }

    /// Adds the usage of another part.
    pub fn add(&mut self, other: &Self) {
        self.sums.add(other.sums);
        for (class, bytes) in &other.classes {
            self.add_class(class, *bytes);
        }
        for (day, bytes) in &other.days {
            self.add_day(*day, *bytes);
        }
    }

    /// Bytes by storage class.
    pub fn classes(&self) -> impl Iterator<Item = (&StorageClass, u64)> {
        self.classes.iter().map(|(class, bytes)| (class, *bytes))
    }

    /// Bytes by day of arrival, in order, without the days on which nothing arrived.
    #[must_use]
    pub fn days(&self) -> &[(Day, u64)] {
        &self.days
    }

    /// Frees the memory that was reserved for further classes and days.
    pub(super) fn shrink_to_fit(&mut self) {
        self.classes.shrink_to_fit();
        self.days.shrink_to_fit();
    }

    fn add_class(&mut self, class: &StorageClass, bytes: u64) {
        if self.add_to_known_class(class, bytes) {
            return;
        }
        if self.classes.len() < MAX_CLASSES {
            self.classes.push((class.clone(), bytes));
            return;
        }
        let further = StorageClass::FURTHER;
        if !self.add_to_known_class(&further, bytes) {
            self.classes.push((further, bytes));
        }
    }

    /// Adds bytes to a class that has an entry; returns `false` if it does not have one.
    fn add_to_known_class(&mut self, class: &StorageClass, bytes: u64) -> bool {
        for (known, sum) in &mut self.classes {
            if known == class {
                *sum = sum.saturating_add(bytes);
                return true;
            }
        }
        false
    }

    fn add_day(&mut self, day: Day, bytes: u64) {
        match self.days.binary_search_by_key(&day, |(known, _)| *known) {
            Ok(index) => {
                if let Some((_, sum)) = self.days.get_mut(index) {
                    *sum = sum.saturating_add(bytes);
                }
            }
            Err(index) => self.days.insert(index, (day, bytes)),
        }
        if self.days.len() > MAX_DAYS {
            let (_, oldest) = self.days.remove(0);
            if let Some((_, sum)) = self.days.first_mut() {
                *sum = sum.saturating_add(oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn object(size: u64, day: i32, class: Option<&str>) -> ListedObject {
        ListedObject {
            key: "k".to_owned(),
            size,
            last_modified: Day(day).begins_at(),
            etag: None,
            storage_class: class.map(StorageClass::of),
        }
    }

    fn usage(objects: &[ListedObject]) -> Usage {
        let mut usage = Usage::default();
        for object in objects {
            usage.add_object(object);
        }
        usage
    }

    #[test]
    fn without_a_class_it_is_the_standard_one() {
        let usage = usage(&[object(1, 0, None), object(2, 0, Some("STANDARD"))]);

        assert_eq!(
            usage.classes().collect::<Vec<_>>(),
            [(&StorageClass::of("STANDARD"), 3)]
        );
    }

    #[test]
    fn classes_and_days_beyond_their_limit_are_summed_and_not_lost() {
        let objects: Vec<_> = (0..5000)
            .map(|day| object(1, day, Some(&format!("CLASS-{day}"))))
            .collect();

        let usage = usage(&objects);

        assert!(usage.classes.len() <= MAX_CLASSES + 1);
        assert_eq!(usage.classes().map(|(_, bytes)| bytes).sum::<u64>(), 5000);
        assert_eq!(usage.days.len(), MAX_DAYS);
        assert_eq!(usage.days.iter().map(|(_, bytes)| bytes).sum::<u64>(), 5000);
        assert_eq!(usage.days.last(), Some(&(Day(4999), 1)));
    }

    #[test]
    fn a_day_before_unix_time_is_below_zero() {
        let moment: DateTime<Utc> = "1969-12-31T23:00:00Z".parse().unwrap();

        assert_eq!(Day::of(moment), Day(-1));
        assert_eq!(
            Day(-1).begins_at(),
            "1969-12-31T00:00:00Z".parse::<DateTime<Utc>>().unwrap()
        );
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(
            parts in prop::collection::vec(
                prop::collection::vec((0_u64..9, 0_i32..5, prop::option::of("[AB]")), 0..6), 0..4,
            ),
        ) {
            let objects = |part: &Vec<(u64, i32, Option<String>)>| -> Vec<ListedObject> {
                part.iter().map(|(size, day, class)| object(*size, *day, class.as_deref())).collect()
            };
            let whole = usage(&parts.iter().flat_map(objects).collect::<Vec<_>>());
            let mut sum = Usage::default();
            for part in &parts {
                sum.add(&usage(&objects(part)));
            }
            prop_assert_eq!(whole, sum);
        }
    }
}
