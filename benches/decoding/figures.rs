//! The figures, and the bound of the one that decides.

use std::hint::black_box;

use crate::pages::{ARCHIVE, OBJECTS, Store};
use crate::reading::{Texts, with_own_reader, with_quick_xml};
use crate::results::{Bound, Results};
use crate::simulator::Simulator;
use crate::task::{Task, processor_time};

/// Number of times that everything is measured, in turn. The least times count: whatever else runs
/// on the machine can only add to them.
const REPETITIONS: usize = 5;

/// Number of measurements of a page in each repetition.
const ROUNDS: usize = 20;

/// Number of times that a page is read in one measurement.
const READS: u32 = 20;

/// Least share of a full scan's processor time that the exporter's own reader must save, in
/// percent.
const WORTHWHILE: f64 = 20.0;

/// Seconds for reading one page with each reader.
#[derive(Clone, Copy, Debug)]
struct PageSeconds {
    own: f64,
    quick_xml: f64,
}

impl PageSeconds {
    const UNKNOWN: Self = Self {
        own: f64::INFINITY,
        quick_xml: f64::INFINITY,
    };
}

/// Measures everything.
pub(crate) fn all(results: &mut Results) {
    let pages = Store::ALL.map(Store::page);
    let simulator = Simulator::start(ARCHIVE, 0);
    let mut reading = [PageSeconds::UNKNOWN; Store::ALL.len()];
    let mut scanning = f64::INFINITY;
    for _ in 0..REPETITIONS {
        scanning = scanning.min(Task::Scan(16).run(simulator.port).processor_seconds);
        for (page, seconds) in pages.iter().zip(&mut reading) {
            measure(page, seconds);
        }
    }
    for (store, seconds) in Store::ALL.into_iter().zip(reading) {
        add_page(results, store, seconds);
        if let Store::Simulator = store {
            add_scan(results, scanning, seconds);
        }
    }
}

/// Reads a page with each reader in turn, and keeps the least times.
fn measure(page: &str, seconds: &mut PageSeconds) {
    assert_eq!(
        with_own_reader(page),
        with_quick_xml(page),
        "both read the same"
    );
    for _ in 0..ROUNDS {
        seconds.own = seconds.own.min(time(page, with_own_reader));
        seconds.quick_xml = seconds.quick_xml.min(time(page, with_quick_xml));
    }
}

/// Returns the processor time of one reading, in seconds.
fn time(page: &str, read: fn(&str) -> Vec<Texts<'_>>) -> f64 {
    let start = processor_time();
    for _ in 0..READS {
        drop(black_box(read(black_box(page))));
    }
    let total = processor_time().saturating_sub(start);
    total.as_secs_f64() / f64::from(READS)
}

fn add_page(results: &mut Results, store: Store, seconds: PageSeconds) {
    let PageSeconds { own, quick_xml } = seconds;
    results.figure(
        &format!(
            "Reading the XML of a page of {OBJECTS} objects, as written by {}",
            store.name()
        ),
        &format!(
            "{:.2} ms, `quick-xml` {:.2} ms",
            own * 1000.0,
            quick_xml * 1000.0
        ),
        &format!("{:.1} × as fast", quick_xml / own),
        Bound::None,
    );
}

/// Adds the figure that decides, from the pages that the scan lists.
fn add_scan(results: &mut Results, scanning: f64, page: PageSeconds) {
    let pages = 1000.0;
    let saved = (page.quick_xml - page.own) * pages;
    let share = 100.0 * saved / scanning;
    results.figure(
        "Processor time that the reader saves in a full scan of 1,000,000 objects at 0 ms",
        &format!("{saved:.2} s; the scan takes {scanning:.2} s"),
        &format!("{share:.0} %"),
        Bound::AtLeast(share, WORTHWHILE),
    );
}
