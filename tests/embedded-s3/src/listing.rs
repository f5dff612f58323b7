//! Page of a listing, cut as S3 does.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use crate::store::Object;

/// Request for one page of a listing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    /// Prefix of the listed keys; empty for all.
    pub(crate) prefix: &'a str,
    /// Delimiter: keys that agree up to its first occurrence after the prefix are one entry.
    pub(crate) delimiter: Option<&'a str>,
    /// Key or common prefix after which the entries start.
    pub(crate) after: Option<&'a str>,
    /// Maximum number of entries.
    pub(crate) limit: usize,
}

/// Entries in the order of their bytes.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, Object)>,
    pub(crate) common_prefixes: Vec<String>,
    /// True if there is at least one more entry.
    pub(crate) truncated: bool,
    /// Last entry, after which the next page starts.
    pub(crate) last: Option<String>,
}

/// Cuts one page, at a cost that depends on the page, not on the store.
pub(crate) fn page(objects: &BTreeMap<String, Object>, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    let mut from = query.beginning();
    while let Some((key, object)) = from.and_then(|from| query.first_at(objects, from)) {
        if page.len() >= query.limit {
            // A page of none is never truncated: asking on could not end.
            page.truncated = query.limit > 0;
            break;
        }
        if let Some(common) = query.common_prefix(key) {
            page.common_prefixes.push(common.to_owned());
            page.last = Some(common.to_owned());
            from = behind_all_with(common).map(Bound::Included);
        } else {
            page.objects.push((key.clone(), object.clone()));
            page.last = Some(key.clone());
            from = Some(Bound::Excluded(key.clone()));
        }
    }
    page
}

/// Cuts one page of a listing in the order of the entries' hashes: always the same order, but
/// seemingly random.
pub(crate) fn shuffled_page(objects: &BTreeMap<String, Object>, query: &Query<'_>) -> Page {
    let whole = page(
        objects,
        &Query {
            after: None,
            limit: usize::MAX,
            ..*query
        },
    );
    let keys = whole
        .objects
        .into_iter()
        .map(|(key, object)| (key, Some(object)));
    let mut entries: Vec<_> = keys
        .chain(
            whole
                .common_prefixes
                .into_iter()
                .map(|prefix| (prefix, None)),
        )
        .collect();
    entries.sort_by_key(|(name, _)| hash(name));
    let rest = entries
        .into_iter()
        .filter(|(name, _)| query.after.is_none_or(|after| hash(name) > hash(after)));
    let mut page = Page::default();
    for (name, object) in rest {
        if page.len() >= query.limit {
            page.truncated = query.limit > 0;
            break;
        }
        page.last = Some(name.clone());
        match object {
            Some(object) => page.objects.push((name, object)),
            None => page.common_prefixes.push(name),
        }
    }
    page
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Page {
    pub(crate) fn len(&self) -> usize {
        self.objects.len() + self.common_prefixes.len()
    }
}

impl Query<'_> {
    /// Position of the first possible entry; `None` if nothing can follow.
    fn beginning(&self) -> Option<Bound<String>> {
        match self.after {
            Some(after) if after >= self.prefix => match self.common_prefix(after) {
                Some(common) => behind_all_with(common).map(Bound::Included),
                None => Some(Bound::Excluded(after.to_owned())),
            },
            _ => Some(Bound::Included(self.prefix.to_owned())),
        }
    }

    fn first_at<'o>(
        &self,
        objects: &'o BTreeMap<String, Object>,
        from: Bound<String>,
    ) -> Option<(&'o String, &'o Object)> {
        let first = objects.range((from, Bound::Unbounded)).next();
        first.filter(|(key, _)| key.starts_with(self.prefix))
    }

    /// Entry that represents `key` together with others.
    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let at = key.strip_prefix(self.prefix)?.find(delimiter)?;
        key.get(..self.prefix.len() + at + delimiter.len())
    }
}

/// Smallest text that is greater than every text with this prefix.
fn behind_all_with(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Steps over the surrogates, which are no characters.
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 8] = [
        "a",
        "a/b/1",
        "a/b/2",
        "a/c",
        "a0",
        "b\u{d7ff}x",
        "b\u{e000}",
        "\u{10ffff}z",
    ];

    fn list(prefix: &str, delimiter: Option<&str>, after: Option<&str>, limit: usize) -> Page {
        let object = Object::zeros(1, chrono::DateTime::UNIX_EPOCH);
        let objects = KEYS
            .iter()
            .map(|key| ((*key).to_owned(), object.clone()))
            .collect();
        page(
            &objects,
            &Query {
                prefix,
                delimiter,
                after,
                limit,
            },
        )
    }

    fn keys(page: &Page) -> Vec<&str> {
        page.objects.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn without_a_delimiter_all_keys_of_the_prefix_are_listed() {
        assert_eq!(keys(&list("", None, None, 1000)), KEYS);
        assert_eq!(
            keys(&list("a/", None, None, 1000)),
            ["a/b/1", "a/b/2", "a/c"]
        );
    }

    #[test]
    fn a_delimiter_rolls_up_what_follows_it() {
        let page = list("", Some("/"), None, 1000);

        assert_eq!(
            keys(&page),
            ["a", "a0", "b\u{d7ff}x", "b\u{e000}", "\u{10ffff}z"]
        );
        assert_eq!(page.common_prefixes, ["a/"]);
    }

    #[test]
    fn a_common_prefix_ends_before_the_next_char_at_surrogates_too() {
        let page = list("b", Some("\u{d7ff}"), None, 1000);

        assert_eq!(keys(&page), ["b\u{e000}"]);
        assert_eq!(page.common_prefixes, ["b\u{d7ff}"]);
    }

    #[test]
    fn nothing_follows_the_last_character_there_is() {
        let page = list("", Some("\u{10ffff}"), None, 1000);

        assert_eq!(page.common_prefixes, ["\u{10ffff}"]);
        assert!(!page.truncated);
    }

    #[test]
    fn a_common_prefix_is_not_listed_twice() {
        let first = list("a/", Some("/"), None, 1);
        let second = list("a/", Some("/"), first.last.as_deref(), 1);

        assert_eq!(
            (first.common_prefixes, first.truncated),
            (vec!["a/b/".to_owned()], true)
        );
        assert_eq!((keys(&second), second.truncated), (vec!["a/c"], false));
    }

    #[test]
    fn only_entries_behind_the_start_are_listed() {
        assert_eq!(
            keys(&list("a/", None, Some("a/b/1"), 1000)),
            ["a/b/2", "a/c"]
        );
        assert_eq!(
            keys(&list("a/", None, Some("A"), 1000)),
            ["a/b/1", "a/b/2", "a/c"]
        );
        assert_eq!(keys(&list("a/", None, Some("b"), 1000)), [""; 0]);
    }

    #[test]
    fn pages_without_order_are_the_whole() {
        let objects: BTreeMap<_, _> = (0..100)
            .map(|number| {
                (
                    format!("k{number}"),
                    Object::zeros(1, chrono::DateTime::UNIX_EPOCH),
                )
            })
            .collect();
        let mut found: Vec<String> = Vec::new();
        loop {
            let after = found.last().map(String::as_str);
            let query = Query {
                prefix: "",
                delimiter: None,
                after,
                limit: 7,
            };
            let page = shuffled_page(&objects, &query);
            found.extend(page.objects.into_iter().map(|(key, _)| key));
            if !page.truncated {
                break;
            }
        }

        assert!(!found.is_sorted());
        found.sort();
        assert_eq!(found, objects.into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_page_of_none_is_empty_and_the_end() {
        let page = list("", None, None, 0);

        assert_eq!((page.len(), page.truncated), (0, false));
    }
}
