//! Contents of a page of metrics, in either of Prometheus' text formats.

use std::collections::BTreeMap;

/// Sample: a name, its labels and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name as it is on the page, endings such as `_total` included.
    pub name: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// Value of the sample.
    pub value: f64,
}

impl Sample {
    /// Series as text, for comparison and for people: `name{label="value"}`.
    pub fn series(&self) -> String {
        let labels = self.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        format!("{}{{{}}}", self.name, labels.join(","))
    }
}

/// Every sample of a page, in its order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples(Vec<Sample>);

impl Samples {
    /// Reads a page.
    ///
    /// Comments are skipped, and whatever follows a value: times and exemplars.
    ///
    /// # Panics
    /// Panics if a line is not a sample.
    #[track_caller]
    pub fn parse(page: &str) -> Self {
        let lines = page
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| {
            sample(line).unwrap_or_else(|| panic!("not a line of a page of metrics: {line}"))
        });
        Self(samples.collect())
    }

    /// Every sample, in the page's order.
    pub fn iter(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter()
    }

    /// Samples of this name that have all of these labels, and possibly more.
    pub fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Sample> {
        self.iter()
            .filter(|sample| sample.name == name && sample.has(labels))
            .collect()
    }

    /// Value of the only sample of this name that has all of these labels; `None` if absent.
    ///
    /// # Panics
    /// Panics if more than one has them.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match self.all(name, labels).as_slice() {
            [] => None,
            [only] => Some(only.value),
            several => panic!("expected one sample, found {several:#?}"),
        }
    }

    /// Sum over the samples of this name that have all of these labels; 0 if absent.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.all(name, labels)
            .iter()
            .map(|sample| sample.value)
            .sum()
    }
}

impl Sample {
    /// Value of a label; empty if absent, as in Prometheus.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// Returns whether it has all of these labels, and possibly more.
    pub fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels
            .iter()
            .all(|(name, value)| self.label(name) == *value)
    }
}

fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Reads labels up to the closing brace, and returns what follows it.
fn labels(mut text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = quoted(rest)?;
        labels.insert(name.to_owned(), value);
        text = rest;
    }
}

/// Reads a value up to the closing quote, and returns what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped => escaped,
            }),
            plain => value.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# HELP build_info What runs.
# TYPE build_info gauge
build_info{version=\"1.0\",note=\"a \\\"b\\\",\\\\{c}\\n\"} 1
up 1
requests_total{code=\"200\",method=\"get\"} 3 1700000000
requests_total{code=\"500\",method=\"get\"} 1.5e1 # {trace=\"x\"} 1
# EOF
";

    #[test]
    fn a_value_is_found_by_some_of_its_labels() {
        let samples = Samples::parse(PAGE);

        assert_eq!(
            samples.value("requests_total", &[("code", "500")]),
            Some(15.0)
        );
        assert_eq!(samples.value("up", &[]), Some(1.0));
        assert_eq!(samples.value("requests_total", &[("code", "404")]), None);
        assert_eq!(samples.sum("requests_total", &[("method", "get")]), 18.0);
    }

    #[test]
    fn escaped_characters_of_a_label_are_restored() {
        let samples = Samples::parse(PAGE);

        let note = samples.all("build_info", &[])[0].label("note");

        assert_eq!(note, "a \"b\",\\{c}\n");
    }

    #[test]
    #[should_panic(expected = "expected one sample")]
    fn an_ambiguous_value_is_a_mistake_of_the_test() {
        Samples::parse(PAGE).value("requests_total", &[]);
    }

    #[test]
    #[should_panic(expected = "not a line of a page of metrics")]
    fn a_broken_line_is_not_passed_over() {
        Samples::parse("up{");
    }
}
