//! Boundaries at which a listing can be divided.

use std::hash::{DefaultHasher, Hash, Hasher};

use archive_store::KeyOrder;

/// Boundaries at which a listing can be divided with keys on either side: directories that were
/// found.
#[derive(Clone, Debug)]
pub(super) struct Boundaries {
    /// Boundaries in order, each once.
    known: Vec<String>,
    /// Number of directories of which about one is kept.
    each: u64,
    order: KeyOrder,
}

/// Most boundaries that are kept. They serve to divide any listing.
const MOST: usize = 4096;

impl Boundaries {
    /// Creates an empty set for a store that lists in this order.
    pub(super) fn new(order: KeyOrder) -> Self {
        Self {
            known: Vec::new(),
            each: 1,
            order,
        }
    }

    /// Adds directories, each with its slash. If there are too many, only every n-th of all is kept;
    /// returns n, which is otherwise 1.
    pub(super) fn add(&mut self, directories: impl IntoIterator<Item = String>) -> usize {
        let mut thinned_by = 1;
        let each = self.each;
        self.known
            .extend(directories.into_iter().filter(|name| is_one_of(name, each)));
        let order = self.order;
        // Directories come mostly in order, which makes sorting cheap.
        self.known.sort_by(|left, right| order.compare(left, right));
        self.known.dedup();
        while self.known.len() > MOST {
            self.each *= 2;
            thinned_by *= 2;
            let each = self.each;
            self.known.retain(|name| is_one_of(name, each));
            self.known.shrink_to_fit();
        }
        thinned_by
    }

    /// Returns the boundaries after one text and before another.
    pub(super) fn between(&self, after: Option<&str>, before: Option<&str>) -> &[String] {
        let order = self.order;
        let first = match after {
            Some(after) => self
                .known
                .partition_point(|known| !order.is_before(after, known)),
            None => 0,
        };
        let end = match before {
            Some(before) => self
                .known
                .partition_point(|known| order.is_before(known, before)),
            None => self.known.len(),
        };
        self.known.get(first..end).unwrap_or_default()
    }
}

/// Returns whether a directory is the one of about `each` that is kept.
///
/// By a hash, so that the answer is always the same for a directory, and those that are kept are
/// spread evenly.
fn is_one_of(name: &str, each: u64) -> bool {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish().is_multiple_of(each)
}

/// Characters in the names of one directory.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alphabet(u128);

const DIGITS: u128 = 0x3ff << b'0';
const UPPER_HEX: u128 = 0x3f << b'A';
const LOWER_HEX: u128 = 0x3f << b'a';

impl Alphabet {
    /// Adds the characters of a name.
    pub(super) fn learn(&mut self, name: &str) {
        for byte in name.bytes().filter(u8::is_ascii) {
            self.0 |= 1 << byte;
        }
    }

    /// Returns the characters in order. One digit stands for all digits.
    fn characters(self) -> Vec<char> {
        let has = |class: u128| self.0 & class != 0;
        let mut all = self.0;
        if has(DIGITS) {
            all |= DIGITS;
            all |= if has(UPPER_HEX) { UPPER_HEX } else { 0 };
            all |= if has(LOWER_HEX) { LOWER_HEX } else { 0 };
        }
        let characters = (b' '..=b'~').filter(|byte| all & (1 << byte) != 0 && *byte != b'/');
        characters.map(char::from).collect()
    }
}

/// Returns a text about half way from one key to another within a directory, judged by the
/// characters of its names; `None` if there is none between them.
///
/// A listing can be divided there without any knowledge. A bad guess leaves nothing on one side, and
/// costs a request.
pub(super) fn half_way(
    directory: &str,
    from: &str,
    before: Option<&str>,
    alphabet: Alphabet,
) -> Option<String> {
    let characters = alphabet.characters();
    let from = from.strip_prefix(directory)?;
    let before = before
        .and_then(|before| before.strip_prefix(directory))
        .unwrap_or_default();
    let mut limit = before.chars();
    let mut shares_limit = !before.is_empty();
    let mut guess = directory.to_owned();
    for character in from.chars() {
        let limit = limit.next().filter(|_| shares_limit);
        let above = characters.iter().filter(|other| **other > character);
        let between: Vec<_> = above
            .filter(|other| limit.is_none_or(|limit| **other < limit))
            .collect();
        if let Some(middle) = between.get(between.len() / 2) {
            guess.push(**middle);
            return Some(guess);
        }
        guess.push(character);
        shares_limit = limit == Some(character);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alphabet(names: &[&str]) -> Alphabet {
        let mut alphabet = Alphabet::default();
        for name in names {
            alphabet.learn(name);
        }
        alphabet
    }

    #[test]
    fn boundaries_are_found_between_two_texts() {
        let mut boundaries = Boundaries::new(KeyOrder::Bytes);
        boundaries.add(["p/c/", "p/a/", "p/b/", "p/a/"].map(str::to_owned));

        assert_eq!(boundaries.between(None, None), ["p/a/", "p/b/", "p/c/"]);
        assert_eq!(boundaries.between(Some("p/a/"), Some("p/c/")), ["p/b/"]);
        assert_eq!(boundaries.between(Some("p/a/x"), None), ["p/b/", "p/c/"]);
        assert_eq!(boundaries.between(Some("p/d/"), Some("p/b/")), [""; 0]);
    }

    #[test]
    fn half_way_is_between_what_is_known_and_the_end() {
        let digits = alphabet(&["0"]);
        let guess = |from: &str, before: Option<&str>| half_way("d/", from, before, digits);

        assert_eq!(guess("d/0123", None).as_deref(), Some("d/5"));
        assert_eq!(guess("d/0123", Some("d/5")).as_deref(), Some("d/3"));
        assert_eq!(guess("d/0123", Some("d/1")).as_deref(), Some("d/06"));
        assert_eq!(guess("d/0999", Some("d/1")), None);
        assert_eq!(guess("e/0999", None), None);
    }

    #[test]
    fn what_names_have_in_common_is_passed_letter_by_letter() {
        let mut before: Option<String> = None;
        let letters = alphabet(&["file-000123"]);
        let mut guesses = 0;
        // Nothing lies beyond any guess that does not begin like the files.
        while let Some(guess) = half_way("d/", "d/file-000999", before.as_deref(), letters) {
            guesses += 1;
            if guess.starts_with("d/file-0") {
                break;
            }
            before = Some(guess);
        }

        assert_eq!(before.as_deref(), Some("d/file-1"));
        assert!(guesses < 20, "{guesses}");
    }

    proptest! {
        #[test]
        fn half_way_is_after_the_one_and_before_the_other(
            one in "[a-c0-9-]{0,6}", other in "[a-c0-9-]{0,6}", bounded: bool,
        ) {
            let (from, before) = (format!("d/{one}"), format!("d/{other}"));
            let known = alphabet(&[&one, &other]);
            let before = (bounded && from < before).then_some(before);
            if let Some(guess) = half_way("d/", &from, before.as_deref(), known) {
                prop_assert!(guess > from && guess.starts_with("d/"), "{}", guess);
                prop_assert!(before.is_none_or(|before| guess < before));
            }
        }
    }
}
