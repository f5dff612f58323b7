//! Reads a section of the configuration key by key, and records every mistake on the way.
//!
//! serde stops at the first wrong value; here a wrong value is recorded and reading goes on. Every
//! mistake has one shape: the problem, the value, the remedy.

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

/// Collector of the mistakes of one configuration while its sections are read.
pub(super) struct ConfigReader<'a> {
    merged: &'a Merged,
    mistakes: RefCell<Vec<Mistake>>,
    /// Every key that was ever asked for, as in `archives[].name`.
    known: RefCell<BTreeSet<String>>,
}

impl<'a> ConfigReader<'a> {
    pub(super) fn new(merged: &'a Merged) -> Self {
        Self {
            merged,
            mistakes: RefCell::default(),
            known: RefCell::default(),
        }
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
                self.wrong_kind(&path, other, "expected a section with keys of its own");
                None
            }
            _ => None,
        };
        let tag = value.map_or(Tag::Default, Value::tag);
        Section {
            reader: self,
            path,
            fields,
            tag,
            known: Vec::new(),
            secret: false,
        }
    }

    /// Records that a value is of a wrong kind, such as a list.
    fn wrong_kind(&self, key: &str, value: &Value, expected: &str) {
        let message = format!("{} is not valid; {expected}", kind_of(value));
        self.push(key, message, value.tag());
    }

    fn push(&self, key: &str, message: String, tag: Tag) {
        let origin = self.merged.origin(tag);
        self.mistakes.borrow_mut().push(Mistake {
            key: key.to_owned(),
            message,
            origin,
        });
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
    /// Marks the section as secret: no mistake shows a value of it.
    pub(super) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Returns true if a key has a value, even a wrong one.
    pub(super) fn has(&self, key: &str) -> bool {
        self.field(key).is_some_and(|value| !is_unset(value))
    }

    /// Reads a text in a form that `parse` knows. `None` if it is absent or wrong.
    pub(super) fn text<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.value(key)?;
        let Value::String(_, text) = value else {
            let is_plain = matches!(value, Value::Num(..) | Value::Bool(..));
            let expected = if is_plain {
                "expected a text: put it in quotes"
            } else {
                "expected a text"
            };
            self.reader.wrong_kind(&self.key(key), value, expected);
            return None;
        };
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(expected) => {
                self.wrong(key, value, &expected);
                None
            }
        }
    }

    /// Reads a decimal number, with or without quotes, in a form that `parse` knows. `None` if it is
    /// absent or wrong.
    pub(super) fn decimal<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(Value::Num(_, number)) = self.field(key) else {
            return self.text(key, parse);
        };
        let value = self.value(key)?;
        let text = number.to_f64().map(|number| number.to_string());
        match parse(&text.unwrap_or_default()) {
            Ok(parsed) => Some(parsed),
            Err(expected) => {
                self.wrong(key, value, &expected);
                None
            }
        }
    }

    /// Reads a duration, such as `1h 30m`. `None` if it is absent or wrong.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        range: RangeInclusive<Duration>,
    ) -> Option<Duration> {
        if let Some(Value::Num(..)) = self.field(key) {
            let value = self.value(key)?;
            self.wrong(
                key,
                value,
                &"expected a duration with its unit, such as `30s` or `5m`",
            );
            return None;
        }
        self.text(key, |text| parse_duration(text, &range))
    }

    /// Reads a whole number. `None` if it is absent or wrong.
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
            let (least, most) = (range.start(), range.end());
            let quotes = self.without_quotes(value);
            let expected = format!("expected a whole number from {least} to {most}{quotes}");
            self.wrong(key, value, &expected);
        }
        number
    }

    /// Reads `true` or `false`. `None` if it is absent or wrong.
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
            let quotes = self.without_quotes(value);
            self.wrong(key, value, &format!("expected `true` or `false`{quotes}"));
        }
        flag
    }

    /// Returns the section under a key; an empty one if it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'r> {
        let value = self.value(key);
        let mut section = self.reader.section(self.key(key), value);
        if value.is_none() {
            section.tag = self.tag;
        }
        section.secret = self.secret;
        section
    }

    /// Returns the elements of a list of sections, without those that are not sections. `None` if it
    /// is absent or not a list.
    pub(super) fn list(&mut self, key: &'static str) -> Option<Vec<Section<'r>>> {
        let value = self.value(key)?;
        let Value::Array(_, elements) = value else {
            self.reader
                .wrong_kind(&self.key(key), value, "expected a list");
            return None;
        };
        let key = self.key(key);
        let mut sections = Vec::new();
        for (index, value) in elements.iter().enumerate() {
            let section = self.reader.section(format!("{key}[{index}]"), Some(value));
            // One that is not a section has its mistake; its missing keys would be noise.
            if section.fields.is_some() || is_unset(value) {
                sections.push(section);
            }
        }
        Some(sections)
    }

    /// Returns the elements of a list of texts that `parse` accepts, and records the others as
    /// mistakes.
    pub(super) fn texts<T, E: Display>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<T> {
        let mut texts = Vec::new();
        let Some(value) = self.value(key) else {
            return texts;
        };
        let Value::Array(_, elements) = value else {
            self.reader
                .wrong_kind(&self.key(key), value, "expected a list of texts");
            return texts;
        };
        for (index, value) in elements.iter().enumerate() {
            let element = format!("{key}[{index}]");
            let Some(text) = value.as_str() else {
                self.reader
                    .wrong_kind(&self.key(&element), value, "expected a text");
                continue;
            };
            match parse(text) {
                Ok(parsed) => texts.push(parsed),
                Err(expected) => self.wrong(&element, value, &expected),
            }
        }
        texts
    }

    /// Returns true if a key holds a list without elements.
    pub(super) fn is_empty_list(&self, key: &str) -> bool {
        let list = self.field(key).and_then(Value::as_array);
        list.is_some_and(<[Value]>::is_empty)
    }

    /// Records a mistake with a remedy for each key that other programs know and this one does not.
    pub(super) fn advise(&mut self, advice: &[(&'static str, &str)]) {
        for (key, remedy) in advice {
            if let Some(value) = self.field(key) {
                self.known.push(key);
                let message = format!("is not supported; {remedy}");
                self.reader.push(&self.key(key), message, value.tag());
            }
        }
    }

    /// Records that a required key is missing.
    pub(super) fn missing(&self, key: &str, expected: &str) {
        let message = format!("is missing; set it to {expected}");
        self.reader.push(&self.key(key), message, self.tag);
    }

    /// Records a mistake about a key, or about the section itself if `key` is empty.
    pub(super) fn mistake(&self, key: &str, message: String) {
        let tag = self.field(key).map_or(self.tag, Value::tag);
        self.reader.push(&self.key(key), message, tag);
    }

    /// Records every key that was not asked for. To be called after all others.
    pub(super) fn finish(self) {
        for (key, value) in self.fields.into_iter().flatten() {
            if !self.known.contains(&key.as_str()) {
                let message = self.unknown(key, &self.reader.merged.origin(value.tag()));
                self.reader
                    .push(&self.key(&shown_key(key)), message, value.tag());
            }
        }
    }

    /// Returns the message for an unknown key.
    fn unknown(&self, key: &str, origin: &ValueOrigin) -> String {
        let mut meant = self.known_like(key, origin, is_near);
        if meant.is_empty() {
            meant = self.known_like(key, origin, is_part);
        }
        if !meant.is_empty() {
            return format!("is not a known key; did you mean {}?", meant.join(" or "));
        }
        let known: Vec<String> = self.known.iter().map(|key| format!("`{key}`")).collect();
        format!("is not a known key; use one of {}", known.join(", "))
    }

    /// Returns the known keys that are like one, each as it is written at its origin.
    fn known_like(
        &self,
        key: &str,
        origin: &ValueOrigin,
        is_like: fn(&str, &str) -> bool,
    ) -> Vec<String> {
        let mut like = Vec::new();
        for known in &self.known {
            if is_like(key, known) {
                like.push(self.spelled(known, origin));
            }
        }
        like
    }

    /// Returns a known key as it is written at an origin.
    fn spelled(&self, key: &str, origin: &ValueOrigin) -> String {
        match origin {
            ValueOrigin::Environment(_) => format!("`{}`", variable_of(&self.key(key))),
            ValueOrigin::File(_) | ValueOrigin::Flag(_) | ValueOrigin::Unknown => {
                format!("`{key}`")
            }
        }
    }

    fn field(&self, key: &str) -> Option<&'r Value> {
        self.fields?.get(key)
    }

    /// Returns the value of a key, and makes the key a known one. `None` if nothing is set.
    fn value(&mut self, key: &'static str) -> Option<&'r Value> {
        self.known.push(key);
        let full_key = without_indices(&self.key(key));
        self.reader.known.borrow_mut().insert(full_key);
        self.field(key).filter(|value| !is_unset(value))
    }

    /// Returns a key of this section with the path of the section.
    fn key(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    /// Returns the remedy for a text in a file in the place of a number or flag.
    fn without_quotes(&self, value: &Value) -> &'static str {
        let is_quoted = matches!(value, Value::String(..)) && !self.takes_texts(value);
        if is_quoted { ", without quotes" } else { "" }
    }

    /// Returns true if numbers and flags are texts at the value's origin: the environment, a flag.
    fn takes_texts(&self, value: &Value) -> bool {
        match self.reader.merged.origin(value.tag()) {
            ValueOrigin::Environment(_) | ValueOrigin::Flag(_) => true,
            ValueOrigin::File(_) | ValueOrigin::Unknown => false,
        }
    }

    fn wrong(&self, key: &str, value: &Value, expected: &dyn Display) {
        let found = if self.secret {
            kind_of(value).to_owned()
        } else {
            shown_value(value)
        };
        let message = format!("{found} is not valid; {expected}");
        self.reader.push(&self.key(key), message, value.tag());
    }
}

fn parse_duration(text: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let is_plain_number = text.trim().parse::<f64>().is_ok();
    if let Ok(duration) = humantime::parse_duration(text)
        && !is_plain_number
        && range.contains(&duration)
    {
        return Ok(duration);
    }
    let least = humantime::format_duration(*range.start());
    let most = humantime::format_duration(*range.end());
    Err(format!(
        "expected a duration from {least} to {most}, such as `30s` or `1h 30m`"
    ))
}
