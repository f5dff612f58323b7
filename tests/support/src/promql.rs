//! Names in a query: a reader of `PromQL` that knows no more than selectors and groupings.

/// Selector: a metric, and the conditions on its labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// Name of the metric.
    pub metric: String,
    /// Labels, and the values that they are compared with.
    pub matchers: Vec<(String, String)>,
    /// Labels by which the selector is grouped or joined.
    pub grouped_by: Vec<String>,
}

impl Selector {
    /// Value that a label must have; empty if any value matches.
    pub fn value(&self, label: &str) -> &str {
        let found = self.matchers.iter().find(|(name, _)| name == label);
        found.map_or("", |(_, value)| value)
    }
}

/// Returns whether the metric belongs to the exporter or its process, the plugin, a recording rule,
/// or Prometheus itself.
fn is_metric(word: &str) -> bool {
    word == "up" || word.starts_with("process_") || word.contains("barman_cloud")
}

/// All selectors of a query, in order.
pub fn selectors(query: &str) -> Vec<Selector> {
    let mut found: Vec<Selector> = Vec::new();
    let mut grouped_by: Vec<String> = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_word) {
        rest = rest.split_at(start).1;
        let end = rest
            .find(|character| !is_word(character))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        if ["by", "on"].contains(&word) {
            // In the text of an annotation, they are words like others.
            let Some((labels, after)) = in_brackets(after, '(', ')') else {
                continue;
            };
            grouped_by = labels
                .split(',')
                .map(|label| label.trim().to_owned())
                .collect();
            grouped_by.retain(|label| !label.is_empty());
            rest = after;
        } else if is_metric(word) {
            let (matchers, after) = in_brackets(after, '{', '}').unwrap_or(("", after));
            rest = after;
            let grouped_by = std::mem::take(&mut grouped_by);
            found.push(Selector {
                metric: word.to_owned(),
                matchers: pairs(matchers),
                grouped_by,
            });
        }
    }
    found
}

fn is_word(one: char) -> bool {
    one.is_ascii_alphanumeric() || one == '_' || one == ':'
}

/// Splits off the text in brackets at the start, and returns it with the rest.
fn in_brackets(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix(open)?.split_once(close)
}

/// Matchers of a selector; those of the alerts do not have commas or braces in their values.
fn pairs(matchers: &str) -> Vec<(String, String)> {
    let pair = |matcher: &str| {
        let (name, value) = matcher.split_once('=')?;
        Some((
            name.trim_end_matches('!').trim().to_owned(),
            value.trim_matches('"').to_owned(),
        ))
    };
    matchers.split(',').filter_map(pair).collect()
}

#[test]
fn what_a_query_names_is_found() {
    let query = "max by (archive, server) (rate(barman_cloud_a{state=\"done\", x!=\"\"}[5m])) > on () \
                 barman_cloud:b\nand on (job) up == 0";

    let found = selectors(query);

    let selector = |metric: &str, matchers: &[(&str, &str)], labels: &[&str]| Selector {
        metric: metric.to_owned(),
        matchers: matchers
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect(),
        grouped_by: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    let grouped = ["archive", "server"];
    assert_eq!(
        found,
        [
            selector("barman_cloud_a", &[("state", "done"), ("x", "")], &grouped),
            selector("barman_cloud:b", &[], &[]),
            selector("up", &[], &["job"]),
        ]
    );
}
