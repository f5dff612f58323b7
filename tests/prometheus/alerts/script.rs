//! Series that a script gives to Prometheus, and the alerts that it expects.

use std::collections::BTreeSet;
use std::fs;

use serde::Deserialize;
use test_support::promql::selectors;

use crate::alerts::series::Series;

/// Only query of the scripts: it returns every alert that fires, and so shows which ones do not.
const FIRING: &str = r#"count by (alertname, severity) (ALERTS{alertstate="firing"})"#;

/// Name of an alert, and its severity.
pub(crate) type Alert = (String, String);

/// Test of a script: series that are given to Prometheus over time.
pub(crate) struct Story {
    pub(crate) series: Vec<Series>,
    /// Expected alerts, by minute.
    pub(crate) seen: Vec<(u32, BTreeSet<Alert>)>,
    /// Minutes at which an alert is expected to fire with a description.
    pub(crate) texts: Vec<(u32, Alert, String)>,
    /// Minutes between evaluations.
    step: u32,
}

#[derive(Deserialize)]
struct Script {
    evaluation_interval: String,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    interval: String,
    input_series: Vec<Input>,
    #[serde(default, rename = "alert_rule_test")]
    texts: Vec<AlertTest>,
    #[serde(rename = "promql_expr_test")]
    queries: Vec<QueryTest>,
}

#[derive(Deserialize)]
struct Input {
    series: String,
    values: String,
}

#[derive(Deserialize)]
struct AlertTest {
    alertname: String,
    eval_time: String,
    exp_alerts: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    exp_labels: Labels,
    exp_annotations: Annotations,
}

#[derive(Deserialize)]
struct Labels {
    severity: String,
}

#[derive(Deserialize)]
struct Annotations {
    description: String,
}

#[derive(Deserialize)]
struct QueryTest {
    expr: String,
    eval_time: String,
    exp_samples: Vec<Firing>,
}

#[derive(Deserialize)]
struct Firing {
    labels: String,
}

impl Story {
    /// Last evaluation before or at a minute.
    pub(crate) fn evaluated(&self, minute: u32) -> u32 {
        minute - minute % self.step
    }

    /// All evaluations up to the last minute for which there is an expectation.
    pub(crate) fn evaluations(&self) -> impl Iterator<Item = u32> + use<> {
        let last = self
            .seen
            .iter()
            .map(|(minute, _)| *minute)
            .max()
            .unwrap_or_default();
        (0..=last).step_by(usize::try_from(self.step).unwrap())
    }

    fn new(test: Test, step: u32) -> Self {
        let interval = minutes(&test.interval);
        let series = |input: &Input| Series::new(&input.series, interval, &input.values);
        let seen = |query: &QueryTest| {
            assert_eq!(query.expr, FIRING, "{}", test.name);
            (
                minutes(&query.eval_time),
                query.exp_samples.iter().map(alert_of).collect(),
            )
        };
        let texts = |alert_test: AlertTest| {
            let at = minutes(&alert_test.eval_time);
            alert_test.exp_alerts.into_iter().map(move |alert| {
                let name = (alert_test.alertname.clone(), alert.exp_labels.severity);
                (at, name, alert.exp_annotations.description)
            })
        };
        Self {
            series: test.input_series.iter().map(series).collect(),
            seen: test.queries.iter().map(seen).collect(),
            texts: test.texts.into_iter().flat_map(texts).collect(),
            step,
        }
    }
}

/// Alert that a sample of the query belongs to.
fn alert_of(firing: &Firing) -> Alert {
    let labels = selectors(&format!("up{}", firing.labels)).swap_remove(0);
    (
        labels.value("alertname").to_owned(),
        labels.value("severity").to_owned(),
    )
}

/// Time in minutes, as the scripts and rules write it.
pub(crate) fn minutes(time: &str) -> u32 {
    let (number, of) = time.split_at(time.len() - 1);
    let number: u32 = number.parse().unwrap();
    match of {
        "m" => number,
        "h" => number * 60,
        _ => unreachable!("a time in other than minutes and hours: {time}"),
    }
}

/// All stories of all scripts.
pub(crate) fn stories() -> Vec<Story> {
    let stories = crate::alerts::promtool::scripts()
        .into_iter()
        .flat_map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let script: Script = serde_saphyr::from_str(&text)
                .unwrap_or_else(|error| unreachable!("{}: {error}", path.display()));
            let step = minutes(&script.evaluation_interval);
            script
                .tests
                .into_iter()
                .map(move |test| Story::new(test, step))
        });
    stories.collect()
}
