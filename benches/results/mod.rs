//! Results of benchmarks, as a table for people and in `benches/RESULTS.md`.
//!
//! Each benchmark has a section of that file, and leaves those of others as they are.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use barman_cloud_exporter::app::build_info;
use chrono::Utc;

/// Requirement for a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    /// The first number at least the second.
    AtLeast(f64, f64),
    /// The first number at most the second.
    AtMost(f64, f64),
    /// Anything.
    None,
}

impl Bound {
    fn is_kept(self) -> bool {
        match self {
            Self::AtLeast(value, bound) => value >= bound,
            Self::AtMost(value, bound) => value <= bound,
            Self::None => true,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(_, bound) => format!("at least {bound}"),
            Self::AtMost(_, bound) => format!("at most {bound}"),
            Self::None => String::new(),
        }
    }
}

/// The figures of one benchmark.
#[derive(Debug)]
pub(crate) struct Results {
    heading: &'static str,
    rows: String,
    notes: String,
    missed: Vec<String>,
}

impl Results {
    /// No figures yet, for a section with this heading.
    pub(crate) fn new(heading: &'static str) -> Self {
        println!("{heading}, on {}\n", machine());
        Self {
            heading,
            rows: String::new(),
            notes: String::new(),
            missed: Vec::new(),
        }
    }

    /// Adds a figure: what it is of, what was measured, and what that comes to.
    pub(crate) fn figure(&mut self, what: &str, measured: &str, figure: &str, bound: Bound) {
        let verdict = match bound {
            Bound::None => "",
            Bound::AtLeast(..) | Bound::AtMost(..) if bound.is_kept() => "yes",
            Bound::AtLeast(..) | Bound::AtMost(..) => "NO",
        };
        println!(
            "{what}\n    {measured}; {figure} {} {verdict}",
            bound.text()
        );
        let bound_text = bound.text();
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.rows,
            "| {what} | {measured} | {figure} | {bound_text} | {verdict} |"
        );
        if !bound.is_kept() {
            self.missed.push(what.to_owned());
        }
    }

    /// Adds a remark below the table.
    pub(crate) fn note(&mut self, text: &str) {
        println!("    {text}");
        let _ = writeln!(self.notes, "\n{text}");
    }

    /// Writes the section; fails where a bound was missed.
    pub(crate) fn finish(self) -> ExitCode {
        let Self {
            heading,
            rows,
            notes,
            missed,
        } = self;
        let section = format!(
            "## {heading}\n\n{}, on {}.\n\n| What | Measured | Figure | Bound | Kept |\n\
             |---|---|---|---|---|\n{rows}{notes}",
            today(),
            machine()
        );
        write_section(&section);
        if missed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("\nBounds were missed:\n  {}", missed.join("\n  "));
        ExitCode::FAILURE
    }
}

/// Puts a section into the file, in the place of the one with the same heading.
fn write_section(section: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/RESULTS.md");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let heading = section.lines().next().unwrap_or_default();
    let known = before
        .split("\n## ")
        .skip(1)
        .map(|known| format!("## {}", known.trim_end()));
    let mut sections: Vec<String> = known
        .filter(|known| known.lines().next() != Some(heading))
        .collect();
    sections.push(section.trim_end().to_owned());
    sections.sort();
    let text = format!("{HEAD}\n{}\n", sections.join("\n\n"));
    std::fs::write(&path, text).expect("the results can be written");
}

const HEAD: &str = "# What benchmarks found\n\nWritten by `make bench`. Figures are ratios within \
                    one run, or hold on any machine.\n";

/// Describes the machine that it was measured on.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        let value = line
            .and_then(|line| line.split_once(':'))
            .map(|(_, value)| value.trim());
        value.unwrap_or("unknown").to_owned()
    };
    let model = field(&read("/proc/cpuinfo"), "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let kernel = read("/proc/sys/kernel/osrelease");
    let (kernel, rustc) = (kernel.trim(), build_info::RUSTC);
    format!("{cores} cores ({model}), {memory} of memory, Linux {kernel}, {rustc}")
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever reads the results asks when"
)]
fn today() -> String {
    Utc::now().format("%Y-%m-%d").to_string()
}
