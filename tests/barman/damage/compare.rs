//! Rules by which a verdict is held against a restore, and the sums of all.

use std::collections::BTreeMap;
use std::fmt;

use crate::damage::harm::Damage;
use crate::damage::restore::Restored;
use crate::damage::verdict::Verdict;

/// Damage, what the program said of it, and what a restore showed.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) damage: &'a Damage,
    pub(crate) has_checksums: bool,
    pub(crate) verdict: &'a Verdict,
    pub(crate) sound: &'a Restored,
    pub(crate) restored: &'a Restored,
}

impl Case<'_> {
    pub(crate) fn is_harmful(&self) -> bool {
        self.sound != self.restored
    }

    /// Rule that the verdict breaks; `None` if it breaks none.
    pub(crate) fn difference(&self) -> Option<&'static str> {
        let invisible = self.damage.invisible(self.has_checksums);
        if self.is_harmful() && self.verdict.is_sound() && invisible.is_none() {
            return Some("a restore loses data, and nothing wrong was found");
        }
        if self.damage.is_same && !self.verdict.is_sound() {
            return Some("the content is the same, and something wrong was found");
        }
        // A page of the future has a right checksum: that it loses later changes shows only if there are
        // any.
        let is_harmless_page = !self.is_harmful()
            && self.has_checksums
            && self.damage.is_in_pages()
            && self.damage.kind != "page_of_the_future";
        if is_harmless_page && self.verdict.is_corrupt() {
            return Some("a restore shows nothing of the pages, and they are called corrupt");
        }
        None
    }

    fn class(&self) -> String {
        let harm = if self.damage.is_same {
            "same content"
        } else if self.is_harmful() {
            "harmful"
        } else {
            "harmless"
        };
        let verdict = ["sound", "suspect", "corrupt"];
        let verdict = usize::try_from(self.verdict.code)
            .ok()
            .and_then(|code| verdict.get(code));
        let verdict = verdict.copied().unwrap_or("unknown");
        let invisible = self.damage.invisible(self.has_checksums);
        match invisible.filter(|_| self.is_harmful() && self.verdict.is_sound()) {
            Some(kind) => format!("{harm}, called {verdict}: {kind}"),
            None => format!("{harm}, called {verdict}"),
        }
    }
}

/// Sums of rounds.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<String, u64>,
    pub(crate) differences: Vec<String>,
}

impl Tally {
    pub(crate) fn note(&mut self, case: &Case<'_>) {
        *self.counts.entry(case.class()).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (class, count) in &other.counts {
            *self.counts.entry(class.clone()).or_default() += count;
        }
        self.differences.extend(other.differences.iter().cloned());
    }

    /// True if some damage did harm: otherwise nothing was tested.
    pub(crate) fn is_meaningful(&self) -> bool {
        self.counts.keys().any(|class| class.starts_with("harmful"))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (class, count) in &self.counts {
            writeln!(formatter, "{count:5} {class}")?;
        }
        writeln!(formatter, "{:5} differences", self.differences.len())
    }
}
