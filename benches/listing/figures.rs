//! The figures, and their bounds.

use s3_simulator::Shape;

use crate::results::{Bound, Results};
use crate::simulator::Simulator;
use crate::task::{Measured, Task, least};

/// Number of times that everything that takes time is measured. The least counts: whatever else runs on
/// the machine can only add to it.
const REPETITIONS: usize = 5;

/// Milliseconds that a request takes to a store that is not next door.
const LATENCY: u64 = 30;

/// One server's archive with so many objects: two weeks of daily backups, a switch of timelines.
fn archive(objects: u64) -> Shape {
    let empty = Shape {
        servers: 1,
        backups: 14,
        timelines: 2,
        segments: 0,
    };
    Shape {
        segments: objects - empty.objects(),
        ..empty
    }
}

/// Measures everything.
pub(crate) fn all(results: &mut Results) {
    full_scan(results);
    processor_time(results);
    memory(results);
    rescans(results);
    many_servers(results);
    fleet(results);
    large_fleet(results);
}

/// Does several things in turn, several times over.
fn in_turn<const N: usize>(port: u16, tasks: [Task; N]) -> [Vec<Measured>; N] {
    let mut measured = [(); N].map(|()| Vec::new());
    for _ in 0..REPETITIONS {
        for (task, all) in tasks.iter().zip(&mut measured) {
            all.push(task.run(port));
        }
    }
    let objects = measured
        .iter()
        .flatten()
        .map(|run| run.objects)
        .collect::<Vec<_>>();
    assert!(
        objects.windows(2).all(|two| two.first() == two.last()),
        "{objects:?}"
    );
    measured
}

fn seconds(measured: &[Measured]) -> f64 {
    least(measured.iter().map(|run| run.seconds))
}

fn processor_seconds(measured: &[Measured]) -> f64 {
    least(measured.iter().map(|run| run.processor_seconds))
}

fn full_scan(results: &mut Results) {
    let simulator = Simulator::start(archive(1_000_000), LATENCY);
    let tasks = [Task::Paginate, Task::Scan(16), Task::Scan(32)];
    let [sdk, sixteen, thirty_two] = in_turn(simulator.port, tasks);
    for (at_once, ours, bound) in [(16, &sixteen, 13.0), (32, &thirty_two, 22.0)] {
        let (ours, sdk) = (seconds(ours), seconds(&sdk));
        results.figure(
            &format!("Full scan of 1,000,000 objects at {LATENCY} ms, {at_once} requests at once"),
            &format!("{ours:.2} s, the SDK's paginator {sdk:.1} s"),
            &format!("{:.1} × as fast", sdk / ours),
            Bound::AtLeast(sdk / ours, bound),
        );
    }
    let requests = |all: &[Measured]| all.iter().flat_map(|run| run.requests.clone()).max();
    let most = requests(&sixteen)
        .max(requests(&thirty_two))
        .unwrap_or_default();
    results.note(&format!(
        "A full scan of 1,000,000 objects took {most} requests for pages at most; 1000 hold them."
    ));
}

fn processor_time(results: &mut Results) {
    let simulator = Simulator::start(archive(1_000_000), 0);
    let [sdk, ours] = in_turn(simulator.port, [Task::Paginate, Task::Scan(16)]);
    let (ours, sdk) = (processor_seconds(&ours), processor_seconds(&sdk));
    results.figure(
        "Processor time of a full scan of 1,000,000 objects at 0 ms",
        &format!("{ours:.2} s, the SDK's paginator {sdk:.2} s"),
        &format!("{:.2} ×", ours / sdk),
        Bound::AtMost(ours / sdk, 0.3),
    );
}

fn memory(results: &mut Results) {
    let peak = |objects: u64| {
        let simulator = Simulator::start(archive(objects), 0);
        let [measured] = in_turn(simulator.port, [Task::Scan(16)]);
        let peaks = measured.iter().map(|run| mebibytes(run.peak_bytes));
        peaks.fold(0.0, f64::max)
    };
    let [one, ten] = [1_000_000, 10_000_000].map(peak);
    let what = "Peak of resident memory at 10,000,000 objects";
    let measured = format!("{ten:.1} MiB; before, 54.8 MiB");
    results.figure(what, &measured, "", Bound::AtMost(ten, 64.0));
    let measured =
        format!("{ten:.1} MiB, at 1,000,000 objects {one:.1} MiB; before, 54.8 and 45.3");
    let growth = ten / one;
    results.figure(
        what,
        &measured,
        &format!("{growth:.2} ×"),
        Bound::AtMost(growth, 1.3),
    );
}

fn rescans(results: &mut Results) {
    for (objects, name, bound) in [
        (1_000_000, "1,000,000", 1.0),
        (10_000_000, "10,000,000", 0.6),
    ] {
        let simulator = Simulator::start(archive(objects), 0);
        let day = Task::Rescan(288).run(simulator.port);
        let [full, first, ..] = day.requests.as_slice() else {
            continue;
        };
        let share = percent(as_real(*first), as_real(*full));
        results.figure(
            &format!("Rescan of {name} objects after one new segment"),
            &format!("{first} requests for pages, the full scan {full}"),
            &format!("{share:.2} %"),
            Bound::AtMost(share, bound),
        );
        let rescans = day.requests.get(1..).unwrap_or_default();
        let average = as_real(rescans.iter().sum()) / as_real(rescans.len() as u64);
        results.figure(
            &format!("The same on average over a day of rescans, audit included ({name} objects)"),
            &format!(
                "{average:.1} requests for pages, at most {}",
                rescans.iter().max().unwrap_or(&0)
            ),
            &format!("{:.2} %", percent(average, as_real(*full))),
            Bound::None,
        );
        let peak = mebibytes(day.peak_bytes);
        results.figure(
            &format!("Peak of resident memory over that day ({name} objects)"),
            &format!("{peak:.1} MiB"),
            "",
            Bound::AtMost(peak, 64.0),
        );
    }
}

fn many_servers(results: &mut Results) {
    let shape = Shape {
        servers: 1000,
        backups: 1,
        timelines: 1,
        segments: 198,
    };
    let simulator = Simulator::start(shape, LATENCY);
    let tasks = [Task::PaginateAndRead, Task::Scan(16), Task::Encode];
    let [sequential, ours, encoded] = in_turn(simulator.port, tasks);
    let (seconds_each, sequential) = (seconds(&ours), seconds(&sequential));
    results.figure(
        &format!(
            "Scan of 1,000 servers with 200 objects each at {LATENCY} ms, 16 requests at once"
        ),
        &format!("{seconds_each:.2} s, page by page and file by file {sequential:.1} s"),
        &format!("{:.1} × as fast", sequential / seconds_each),
        Bound::AtLeast(sequential / seconds_each, 10.0),
    );
    let pages: Vec<_> = encoded.iter().filter_map(|run| run.page).collect();
    let millis = 1000.0 * least(pages.iter().map(|page| page.seconds));
    let size = |bytes: usize| mebibytes(bytes as u64);
    let Some(page) = pages.first() else { return };
    results.figure(
        "Encoding the page of metrics of 1,000 servers",
        &format!(
            "{millis:.1} ms, {:.2} MiB, {:.2} MiB as gzip",
            size(page.bytes),
            size(page.gzip_bytes)
        ),
        "",
        Bound::AtMost(millis, 100.0),
    );
}

/// A thousand servers, as a platform has them: three backups and two switches of timelines each.
const FLEET: Shape = Shape {
    servers: 1000,
    backups: 3,
    timelines: 3,
    segments: 200,
};

/// Small files of a server of the fleet: each `backup.info`, each history file.
const SMALL_FILES: u64 = FLEET.backups + FLEET.timelines - 1;

fn fleet(results: &mut Results) {
    let simulator = Simulator::start(FLEET, 0);
    let fleet = Task::Fleet(50).run(simulator.port);
    let [first, rescans @ ..] = fleet.requests.as_slice() else {
        return;
    };
    first_scan(
        results,
        "1,000 servers with 200 segments",
        FLEET,
        *first,
        fleet.file_requests,
    );
    results.note(
        "Before, the first scan of these servers took 217 requests for pages, and then 1,780 more: sizes of \
         segments were remembered for no more than 50,000.",
    );
    let everything = Task::Scan(16).run(simulator.port).requests;
    let most = rescans.iter().max().copied().unwrap_or_default();
    let everything = everything.first().copied().unwrap_or_default();
    let share = percent(as_real(most), as_real(everything));
    results.figure(
        "Rescans of them after a new segment of each",
        &format!(
            "at most {most} requests for pages, listing everything {everything}; before, 131 %"
        ),
        &format!("{share:.0} %"),
        Bound::AtMost(share, 105.0),
    );
    let peak = mebibytes(fleet.peak_bytes);
    results.figure(
        "Peak of resident memory after 50 rescans of them, scraped every 15 s",
        &format!("{peak:.1} MiB; before, 215 MiB"),
        "",
        Bound::AtMost(peak, 96.0),
    );
    let millis = 1000.0 * least(fleet.scrapes);
    results.figure(
        "Scrape of them, compressed",
        &format!("{millis:.1} ms; before, 125 to 130 ms"),
        "",
        Bound::AtMost(millis, 60.0),
    );
}

/// Measures the first scan of as many servers with ten times the segments.
fn large_fleet(results: &mut Results) {
    let large = Shape {
        segments: 2000,
        ..FLEET
    };
    let simulator = Simulator::start(large, 0);
    let scan = Task::Scan(16).run(simulator.port);
    let requests = scan.requests.first().copied().unwrap_or_default();
    let name = "1,000 servers with 2,000 segments";
    first_scan(results, name, large, requests, scan.file_requests);
    let peak = mebibytes(scan.peak_bytes);
    let what = "Peak of resident memory of that";
    results.figure(what, &format!("{peak:.1} MiB"), "", Bound::None);
}

/// Requests of a first scan, compared with the pages that hold the objects.
fn first_scan(results: &mut Results, name: &str, shape: Shape, pages: u64, files: u64) {
    let least = (shape.servers * shape.objects()).div_ceil(1000);
    let ratio = as_real(pages) / as_real(least);
    results.figure(
        &format!("First scan of {name}, two history files and three backups each"),
        &format!("{pages} requests for pages, {least} hold the objects"),
        &format!("{ratio:.2} ×"),
        Bound::AtMost(ratio, 1.1),
    );
    let each = as_real(files) / as_real(shape.servers * SMALL_FILES);
    results.figure(
        "Requests for small files of that",
        &format!("{files}"),
        &format!("{each:.2} per file"),
        Bound::AtMost(each, 1.0),
    );
}

fn mebibytes(bytes: u64) -> f64 {
    as_real(bytes) / f64::from(1 << 20)
}

fn percent(part: f64, whole: f64) -> f64 {
    100.0 * part / whole
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn as_real(number: u64) -> f64 {
    number as f64
}
