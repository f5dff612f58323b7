//! Reads a section of the configuration field by field, and notes every mistake on the way.
//!
//! serde stops at the first bad value; here a bad value is noted and reading goes on.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use figment::value::{Dict, Tag, Value};

use super::mistakes::{Mistake, ValueOrigin};
use super::sources::Merged;
use super::spelling::{
    is_near, is_part, is_unset, kind_of, shown_key, shown_value, variable_of, whole,
    without_indices,
};

/// Collects the mistakes of one configuration while its sections are read.
pub(super) struct ConfigReader<'a> {
    merged: &'a Merged,
    mistakes: RefCell<Vec<Mistake>>,
    /// Every key that was ever asked for, as in `archives[].name`.
    known: RefCell<BTreeSet<String>>,
}

impl<'a> ConfigReader<'a> {
    pub(super) fn new(merged: &'a Merged) -> Self {
        Self { merged, mistakes: RefCell::default(), known: RefCell::default() }
    }

    pub(super) fn root(&self) -> Section<'_> {
        self.section(String::new(), Some(&self.merged.value))
    }

    pub(super) fn into_mistakes(self) -> Vec<Mistake> {
        self.mistakes.into_inner()
    }

    /// Every key that was ever asked for, without the indices of lists.
    #[cfg(test)]
    pub(super) fn known_keys(&self) -> BTreeSet<String> {
        self.known.borrow().clone()
    }

    fn section<'r>(&'r self, path: String, value: Option<&'r Value>) -> Section<'r> {
        let fields = match value {
            Some(Value::Dict(_, fields)) => Some(fields),
            Some(other) if !is_unset(other) => {
                self.add(&path, "expected a section with keys of its own", Some(other));
                None
            }
            _ => None,
        };
        let tag = value.map_or(Tag::Default, Value::tag);
        Section { reader: self, path, fields, tag, known: Vec::new(), secret: false }
    }

    fn add(&self, key: &str, expected: &str, found: Option<&Value>) {
        let message = match found {
            Some(value) => format!("{expected}, found {}", kind_of(value)),
            None => expected.to_owned(),
        };
        self.push(key, message, found.map_or(Tag::Default, Value::tag));
    }

    fn push(&self, key: &str, message: String, tag: Tag) {
        let origin = self.merged.origin(tag);
        self.mistakes.borrow_mut().push(Mistake { key: key.to_owned(), message, origin });
    }
}

/// One section, or one element of a list: keys and their values.
pub(super) struct Section<'r> {
    reader: &'r ConfigReader<'r>,
    path: String,
    fields: Option<&'r Dict>,
    tag: Tag,
    known: Vec<&'static str>,
    secret: bool,
}

impl<'r> Section<'r> {
    /// The same section; the values in it are never shown.
    pub(super) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Whether a key is there, even if its value is wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.and_then(|fields| fields.get(key)).is_some_and(|value| !is_unset(value))
    }

    /// A text in a form that `parse` knows. `None` when it is absent or wrong.
    pub(super) fn text<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let Value::String(_, text) = value else {
            let is_plain = matches!(value, Value::Num(..) | Value::Bool(..));
            let hint = if is_plain { " (put it in quotes)" } else { "" };
            self.reader.add(&self.key(key), &format!("expected a text{hint}"), Some(value));
            return None;
        };
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.wrong(key, value, &error);
                None
            }
        }
    }

    /// A length of time, such as `1h 30m`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        if let Some(Value::Num(..)) = self.fields.and_then(|fields| fields.get(key)) {
            let value = self.value(key)?;
            self.wrong(key, value, &"expected a duration with its unit, such as `30s` or `5m`");
            return None;
        }
        self.text(key, |text| parse_duration(text, &range))
    }

    /// A whole number.
    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(key)?;
        let number = match value {
            Value::Num(_, number) => whole(*number).and_then(|number| u32::try_from(number).ok()),
            Value::String(_, text) if self.takes_texts(value) => text.parse().ok(),
            Value::String(..)
            | Value::Bool(..)
            | Value::Char(..)
            | Value::Empty(..)
            | Value::Dict(..)
            | Value::Array(..) => None,
        };
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most, hint) = (range.start(), range.end(), self.unquote(value));
            self.wrong(
                key,
                value,
                &format!("expected a whole number from {least} to {most}{hint}"),
            );
        }
        number
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = match value {
            Value::Bool(_, flag) => Some(*flag),
            Value::String(_, text) if self.takes_texts(value) => text.parse().ok(),
            Value::String(..)
            | Value::Num(..)
            | Value::Char(..)
            | Value::Empty(..)
            | Value::Dict(..)
            | Value::Array(..) => None,
        };
        if flag.is_none() {
            self.wrong(key, value, &format!("expected `true` or `false`{}", self.unquote(value)));
        }
        flag
    }

    /// A section within this one; an empty one when it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'r> {
        let value = self.value(key);
        let mut section = self.reader.section(self.key(key), value);
        if value.is_none() {
            section.tag = self.tag;
        }
        section.secret = self.secret;
        section
    }

    /// The elements of a list of sections, those left out that are none. `None` when it is absent
    /// or no list.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Vec<Section<'r>>> {
        let value = self.value(key)?;
        let Value::Array(_, elements) = value else {
            self.reader.add(&self.key(key), "expected a list", Some(value));
            return None;
        };
        let key = self.key(key);
        let element = |(index, value): (usize, &'r Value)| {
            let section = self.reader.section(format!("{key}[{index}]"), Some(value));
            // What is no section has been noted; what is missing in it goes without saying.
            (section.fields.is_some() || is_unset(value)).then_some(section)
        };
        Some(elements.iter().enumerate().filter_map(element).collect())
    }

    /// Returns the elements of a list of texts that `parse` accepts, and records the others as
    /// mistakes.
    pub(super) fn texts<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Value::Array(_, elements) = value else {
            self.reader.add(&self.key(key), "expected a list of texts", Some(value));
            return Vec::new();
        };
        let element = |(index, value): (usize, &Value)| {
            let place = format!("{key}[{index}]");
            let Some(text) = value.as_str() else {
                self.reader.add(&self.key(&place), "expected a text", Some(value));
                return None;
            };
            parse(text).map_err(|error| self.wrong(&place, value, &error)).ok()
        };
        elements.iter().enumerate().filter_map(element).collect()
    }

    /// Whether a key holds a list with nothing in it.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        let value = self.fields.and_then(|fields| fields.get(key));
        value.and_then(Value::as_array).is_some_and(<[Value]>::is_empty)
    }

    /// Says what to do about keys that mean something elsewhere, but nothing here.
    pub(super) fn advise(&mut self, advice: &[(&'static str, &str)]) {
        let Some(fields) = self.fields else { return };
        for (key, message) in advice {
            if let Some(value) = fields.get(*key) {
                self.known.push(key);
                self.reader.push(&self.key(key), (*message).to_owned(), value.tag());
            }
        }
    }

    /// Notes that a key is missing which has to be there.
    pub(super) fn missing(&self, key: &str, expected: &str) {
        let message = format!("is missing; expected {expected}");
        self.reader.push(&self.key(key), message, self.tag);
    }

    /// Notes a mistake about a key, or about the section itself where that is empty.
    pub(super) fn mistake(&self, key: &str, message: String) {
        let value = self.fields.and_then(|fields| fields.get(key));
        self.reader.push(&self.key(key), message, value.map_or(self.tag, Value::tag));
    }

    /// Notes every key that nobody asked for. To be called when all have been.
    pub(super) fn finish(self) {
        for (key, value) in self.fields.into_iter().flatten() {
            if !self.known.contains(&key.as_str()) {
                let message = self.unknown(key, &self.reader.merged.origin(value.tag()));
                self.reader.push(&self.key(&shown_key(key)), message, value.tag());
            }
        }
    }

    fn unknown(&self, key: &str, origin: &ValueOrigin) -> String {
        let like = |is_like: fn(&str, &str) -> bool| {
            let like = self.known.iter().filter(|known| is_like(key, known));
            like.map(|known| self.spelled(known, origin)).collect::<Vec<String>>()
        };
        let near = like(is_near);
        let near = if near.is_empty() { like(is_part) } else { near };
        if near.is_empty() {
            let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
            return format!("is not known here; known are {}", known.join(", "));
        }
        format!("is not known here; did you mean {}?", near.join(" or "))
    }

    /// A known key as it is written where the unknown one stood.
    fn spelled(&self, key: &str, origin: &ValueOrigin) -> String {
        match origin {
            ValueOrigin::Environment(_) => format!("`{}`", variable_of(&self.key(key))),
            ValueOrigin::File(_) | ValueOrigin::Flag(_) | ValueOrigin::Unknown => {
                format!("`{key}`")
            }
        }
    }

    /// The value of a key, which is known from now on; `None` where nothing is set.
    fn value(&mut self, key: &'static str) -> Option<&'r Value> {
        self.known.push(key);
        self.reader.known.borrow_mut().insert(without_indices(&self.key(key)));
        self.fields?.get(key).filter(|value| !is_unset(value))
    }

    fn key(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// What to do about a text that stands in a file where a number or flag is expected.
    fn unquote(&self, value: &Value) -> &'static str {
        let is_quoted = matches!(value, Value::String(..)) && !self.takes_texts(value);
        if is_quoted { ", without quotes" } else { "" }
    }

    /// Numbers and flags are texts where everything is: in the environment and in flags.
    fn takes_texts(&self, value: &Value) -> bool {
        match self.reader.merged.origin(value.tag()) {
            ValueOrigin::Environment(_) | ValueOrigin::Flag(_) => true,
            ValueOrigin::File(_) | ValueOrigin::Unknown => false,
        }
    }

    fn wrong(&self, key: &str, value: &Value, expected: &dyn Display) {
        let found = if self.secret { kind_of(value).to_owned() } else { shown_value(value) };
        let message = format!("{expected}, found {found}");
        self.reader.push(&self.key(key), message, value.tag());
    }
}

fn parse_duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let (least, most) = (range.start(), range.end());
    let bounds = || {
        let (least, most) = (humantime::format_duration(*least), humantime::format_duration(*most));
        format!("expected a duration from {least} to {most}, such as `30s` or `1h 30m`")
    };
    let plain_number = text.trim().parse::<f64>().is_ok();
    let duration = humantime::parse_duration(text).ok().filter(|_| !plain_number);
    duration.filter(|duration| range.contains(duration)).ok_or_else(bounds)
}
