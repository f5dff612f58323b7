//! Names of unexpected objects: a limited number of them.

use std::collections::BTreeSet;

/// Maximum number of names of one kind that are remembered together.
const MAX_NAMES: usize = 20;

/// Maximum length of a remembered name, in characters. Limited because anyone may have written the
/// key.
const MAX_NAME_LENGTH: usize = 256;

/// Names of a few objects: the first ones in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SomeNames(BTreeSet<String>);

impl SomeNames {
    /// Remembers a name if it is among the first ones.
    pub fn add(&mut self, name: &str) {
        self.add_up_to(name, MAX_NAMES);
    }

    /// Remembers a name if it is among the first `most`.
    pub(super) fn add_up_to(&mut self, name: &str, most: usize) {
        let kept = match name.char_indices().nth(MAX_NAME_LENGTH) {
            Some((end, _)) => name.get(..end).unwrap_or_default(),
            None => name,
        };
        self.0.insert(kept.to_owned());
        while self.0.len() > most {
            self.0.pop_last();
        }
    }

    /// Returns the names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Returns whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: AsRef<str>> FromIterator<S> for SomeNames {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut some = Self::default();
        for name in names {
            some.add(name.as_ref());
        }
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_first_ones_stay() {
        let names: SomeNames = (0..100)
            .rev()
            .map(|number| format!("{number:03}"))
            .collect();

        let kept: Vec<_> = names.iter().collect();
        assert_eq!((kept.len(), kept[0], kept[19]), (20, "000", "019"));
    }

    #[test]
    fn a_long_name_is_cut() {
        let names: SomeNames = ["ü".repeat(5000)].into_iter().collect();

        assert_eq!(
            names.iter().next().map(|name| name.chars().count()),
            Some(256)
        );
    }
}
