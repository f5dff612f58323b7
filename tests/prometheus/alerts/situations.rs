//! Behaviour of every alert in every situation: in good health, across a restart, while scans fail.
//!
//! The scripts are what promtool makes sure of; here it is made sure that they say enough.

use std::collections::BTreeSet;

use test_support::promql::{Selector, selectors};
use test_support::{Rule, alert_rules, all_rules};

use crate::alerts::script::{Alert, Story, minutes, stories};
use crate::alerts::series::Series;
use Behaviour::{DoesNotMatter, IsSilent};
use Situation::{FailedScan, Restart};

/// Situations that alerts must survive.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Situation {
    /// Absence for some minutes of the exporter, or of another source of the alert's subject.
    Restart,
    /// Scans fail, or readings of a certificate, and what was known before stays on the page.
    FailedScan,
}

/// Behaviour of an alert in a situation, unless it continues to fire.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behaviour {
    IsSilent,
    DoesNotMatter,
}

/// Alert, severity where only that of several is meant, situation, what it does, and why.
type Exception = (
    &'static str,
    &'static str,
    Situation,
    Behaviour,
    &'static str,
);

const EXCEPTIONS: [Exception; 12] = [
    (
        "ExporterAbsent",
        "",
        Restart,
        IsSilent,
        "the exporter is back before its time is up",
    ),
    (
        "ExporterAbsent",
        "",
        FailedScan,
        IsSilent,
        "an exporter whose scans fail is there",
    ),
    (
        "ExporterDown",
        "",
        Restart,
        IsSilent,
        "the exporter is back before its time is up",
    ),
    (
        "ExporterDown",
        "",
        FailedScan,
        IsSilent,
        "an exporter whose scans fail is there",
    ),
    (
        "ArchiveVanished",
        "",
        FailedScan,
        IsSilent,
        "an archive whose scans fail is told of",
    ),
    (
        "ExporterRestarts",
        "",
        FailedScan,
        DoesNotMatter,
        "it looks at the process alone",
    ),
    (
        "CertificateExpired",
        "warning",
        FailedScan,
        IsSilent,
        "the critical one takes its place",
    ),
    (
        "PluginBackupTooOld",
        "",
        FailedScan,
        DoesNotMatter,
        "the plugin tells of it, and no scan",
    ),
    (
        "PluginBackupFailed",
        "",
        FailedScan,
        DoesNotMatter,
        "the plugin tells of it, and no scan",
    ),
    (
        "PluginNothingRecoverable",
        "",
        FailedScan,
        DoesNotMatter,
        "the plugin tells of it",
    ),
    (
        "ThresholdMissing",
        "",
        Restart,
        DoesNotMatter,
        "it looks at rules alone, and is a test's own",
    ),
    (
        "ThresholdMissing",
        "",
        FailedScan,
        DoesNotMatter,
        "it looks at rules alone",
    ),
];

/// Minutes for which scans must have failed: longer than `keep_firing_for` alone keeps an alert.
const LONGER_THAN_KEPT: u32 = 16;

/// Alert and its subject.
struct Subject {
    alert: Alert,
    rule: Rule,
    /// Selector with which its query starts, of a scraped metric.
    about: Selector,
}

/// First minute without any sample, and the minute at which samples continue.
#[derive(Clone, Copy)]
struct Gap {
    from: u32,
    to: u32,
}

#[test]
fn every_alert_is_seen_to_be_silent_before_it_fires() {
    let is_seen = |subject: &Subject, story: &Story| {
        let first = story
            .seen
            .iter()
            .filter(|(_, firing)| firing.contains(&subject.alert));
        let Some(first) = first.map(|(minute, _)| *minute).min() else {
            return false;
        };
        story.seen.iter().any(|(minute, firing)| {
            *minute < first && !firing.contains(&subject.alert) && subject.is_told(story, *minute)
        })
    };
    let is_exempt = |subject: &Subject| subject.alert.0 == "BarmanCloudThresholdMissing";

    let missing = unseen(is_exempt, is_seen);

    assert!(
        missing.is_empty(),
        "never seen to be silent with what it is about: {missing:#?}"
    );
}

#[test]
fn every_alert_is_seen_to_survive_a_restart() {
    let missing = unseen_in(Restart, survives_a_restart, is_silent_across_a_restart);

    assert!(
        missing.is_empty(),
        "never seen before, in and right after a gap: {missing:#?}"
    );
}

#[test]
fn every_alert_is_seen_while_scans_fail() {
    let missing = unseen_in(
        FailedScan,
        fires_while_scans_fail,
        is_silent_while_scans_fail,
    );

    assert!(
        missing.is_empty(),
        "never seen while scans have failed for long: {missing:#?}"
    );
}

#[test]
fn every_exception_is_one_of_an_alert() {
    for (name, severity, situation, _, reason) in EXCEPTIONS {
        let is_meant = |subject: &Subject| subject.is_called(name, severity);
        assert!(
            subjects().iter().any(is_meant),
            "{name} {severity} {situation:?}: {reason}"
        );
    }
}

/// Returns whether the alert fires before a gap, during it, and afterwards sooner than a new one
/// could.
fn survives_a_restart(subject: &Subject, story: &Story) -> bool {
    let holds_for = minutes(subject.rule.holds_for.as_deref().unwrap());
    let fires = |from, to| story.says(from..to, |firing| firing.contains(&subject.alert));
    let is_survived =
        |Gap { from, to }| fires(0, from) && fires(from, to) && fires(to, to + holds_for);
    fires(0, u32::MAX) && subject.gaps(story).into_iter().any(is_survived)
}

/// Returns whether the alert is silent before, during and after a gap, although its subject existed
/// before.
fn is_silent_across_a_restart(subject: &Subject, story: &Story) -> bool {
    let silent = |from, to| story.says(from..to, |firing| !firing.contains(&subject.alert));
    let gaps = subject.gaps(story).into_iter();
    let mut gaps = gaps.filter(|gap| subject.is_told(story, gap.from.saturating_sub(1)));
    gaps.any(|Gap { from, to }| silent(0, from) && silent(from, to) && silent(to, to + 15))
}

/// Returns whether the alert fires if only earlier results can cause it, and says so if it can.
fn fires_while_scans_fail(subject: &Subject, story: &Story) -> bool {
    let fires = |(minute, firing): &(u32, BTreeSet<Alert>)| {
        firing.contains(&subject.alert) && subject.is_stuck(story, *minute)
    };
    let says_so = |sentence: &str| {
        story.texts.iter().any(|(minute, alert, text)| {
            *alert == subject.alert && text.contains(sentence) && subject.is_stuck(story, *minute)
        })
    };
    story.seen.iter().any(fires) && subject.sentence().is_none_or(says_so)
}

/// Returns whether the alert is silent then, although its subject exists.
fn is_silent_while_scans_fail(subject: &Subject, story: &Story) -> bool {
    story.seen.iter().any(|(minute, firing)| {
        let is_there = subject.is_told(story, *minute) && subject.is_stuck(story, *minute);
        !firing.contains(&subject.alert) && is_there
    })
}

impl Story {
    /// Returns whether any evaluation in that time has a message that the predicate accepts.
    fn says(
        &self,
        time: std::ops::Range<u32>,
        is_liked: impl Fn(&BTreeSet<Alert>) -> bool,
    ) -> bool {
        let within = |minute: u32| time.contains(&minute) && time.contains(&self.evaluated(minute));
        self.seen
            .iter()
            .any(|(minute, firing)| within(*minute) && is_liked(firing))
    }

    /// Series of a metric.
    fn of<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = &'a Series> {
        self.series
            .iter()
            .filter(move |series| series.name.metric == metric)
    }
}

impl Subject {
    fn is_called(&self, name: &str, severity: &str) -> bool {
        let (called, as_bad) = &self.alert;
        called.trim_start_matches("BarmanCloud") == name
            && (severity.is_empty() || severity == as_bad)
    }

    fn behaviour(&self, situation: Situation) -> Option<Behaviour> {
        let mut found = EXCEPTIONS.iter().filter(|(name, severity, when, ..)| {
            self.is_called(name, severity) && *when == situation
        });
        found.next().map(|(_, _, _, behaviour, _)| *behaviour)
    }

    /// Returns whether the alert's subject is visible at a minute.
    fn is_told(&self, story: &Story, minute: u32) -> bool {
        story
            .series
            .iter()
            .any(|series| series.is_of(&self.about) && series.at(minute).is_some())
    }

    /// Sentence in an alert's text that says that scans fail; `None` if there is none.
    fn sentence(&self) -> Option<&'static str> {
        let sentences = [
            "Scans of the archive are failing; this is",
            "It cannot be read at present; this is",
        ];
        let description = &self.rule.annotations["description"];
        sentences
            .into_iter()
            .find(|sentence| description.contains(sentence))
    }

    /// Returns whether all results of scans have been unchanged since the last good one, for longer
    /// than any alert is kept, and are still there.
    fn is_stuck(&self, story: &Story, minute: u32) -> bool {
        let of_certificates = self.about.metric.starts_with("barman_cloud_certificate_");
        let success = "barman_cloud_scan_last_success_timestamp_seconds";
        let metric = if of_certificates {
            "barman_cloud_certificate_read_success"
        } else {
            "barman_cloud_up"
        };
        let Some(begin) = minute.checked_sub(LONGER_THAN_KEPT) else {
            return false;
        };
        let times = || (begin..=minute).filter(|time| story.evaluated(*time) == *time);
        let fails = |series: &Series| times().all(|time| series.at(time) == Some(0.0));
        let stays = |series: &Series| times().all(|time| series.at(time) == series.at(begin));
        story.of(metric).any(fails) && (of_certificates || story.of(success).all(stays))
    }

    /// Gaps in which the source of the alert's subject is gone, and then comes back.
    fn gaps(&self, story: &Story) -> Vec<Gap> {
        if is_of_the_plugin(&self.about.metric) {
            let told = story
                .series
                .iter()
                .filter(|series| is_of_the_plugin(&series.name.metric));
            return gaps(story, &told.collect::<Vec<_>>());
        }
        let exporters = story.of("barman_cloud_exporter_build_info");
        exporters
            .flat_map(|exporter| gaps(story, &all_of(story, exporter)))
            .collect()
    }
}

/// Series that an exporter serves, and those about the subject.
fn all_of<'a>(story: &'a Story, exporter: &Series) -> Vec<&'a Series> {
    let instance = exporter.name.value("instance");
    let is_told = |series: &&Series| {
        let metric = series.name.metric.as_str();
        let by_exporter = metric.starts_with("barman_cloud_") || metric.starts_with("process_");
        let by_it = [instance, ""].contains(&series.name.value("instance"));
        by_exporter && by_it && !is_of_the_plugin(metric)
    };
    story.series.iter().filter(is_told).collect()
}

fn is_of_the_plugin(metric: &str) -> bool {
    metric.starts_with("barman_cloud_cloudnative_pg_io_")
}

/// Gaps in which none of the series exists for at least two evaluations, between times at which
/// some do.
fn gaps(story: &Story, series: &[&Series]) -> Vec<Gap> {
    let evaluations: Vec<_> = story.evaluations().collect();
    let is_told = |minute: u32| series.iter().any(|series| series.at(minute).is_some());
    let stretches = evaluations.chunk_by(|previous, next| is_told(*previous) == is_told(*next));
    let stretches: Vec<_> = stretches.collect();
    let gap = |three: &[&[u32]]| match three {
        [_, [from, _, ..], [to, ..]] if !is_told(*from) => Some(Gap {
            from: *from,
            to: *to,
        }),
        _ => None,
    };
    stretches.windows(3).filter_map(gap).collect()
}

/// Alerts for which no story shows the required behaviour.
fn unseen(
    is_exempt: impl Fn(&Subject) -> bool,
    is_seen: impl Fn(&Subject, &Story) -> bool,
) -> Vec<Alert> {
    let stories = stories();
    let subjects = subjects().into_iter().filter(|subject| !is_exempt(subject));
    let is_unseen = |subject: &Subject| !stories.iter().any(|story| is_seen(subject, story));
    subjects
        .filter(is_unseen)
        .map(|subject| subject.alert)
        .collect()
}

/// Alerts for which no story shows the required behaviour in a situation: continuing to fire, or
/// staying silent.
fn unseen_in(
    situation: Situation,
    fires: fn(&Subject, &Story) -> bool,
    is_silent: fn(&Subject, &Story) -> bool,
) -> Vec<Alert> {
    let is_seen = |subject: &Subject, story: &Story| match subject.behaviour(situation) {
        None => fires(subject, story),
        Some(IsSilent) => is_silent(subject, story),
        Some(DoesNotMatter) => true,
    };
    unseen(|_| false, is_seen)
}

fn subjects() -> Vec<Subject> {
    let rules = all_rules();
    let subject = |(name, rule): (String, Rule)| {
        let alert = (name, rule.labels["severity"].clone());
        Subject {
            alert,
            about: scraped(&rule.expr, &rules),
            rule,
        }
    };
    alert_rules().into_iter().map(subject).collect()
}

/// First selector of a query, or of the rule that records it.
fn scraped(query: &str, rules: &[Rule]) -> Selector {
    let first = selectors(query).swap_remove(0);
    let records = |rule: &&Rule| rule.record.as_deref() == Some(&first.metric);
    let is_threshold = first.metric == "barman_cloud:threshold";
    let recorded = rules.iter().find(records).filter(|_| !is_threshold);
    recorded.map_or_else(|| first.clone(), |rule| scraped(&rule.expr, rules))
}
