//! Log of the program: one line per message, on standard error.

use std::panic::{self, PanicHookInfo};
use std::{io, thread};

use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Subscriber, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::terminal::{Errors, wants_colours};
use crate::config::{LogConfig, LogFilter, LogFormat};

/// Targets of the program's own messages: stable names that operators filter by. A filter for `scan`
/// also covers `scan_result`, the outcome of each scan.
pub const TARGETS: [&str; 9] = [
    "app",
    "certificates",
    "config",
    "listing",
    "scan",
    "scan_result",
    "storage",
    "verification",
    "web",
];

/// Beginnings of targets in libraries that log too much: limited to warnings, unless a directive of
/// the configuration says otherwise.
const NOISY: [&str; 4] = ["aws_", "hyper", "tokio_cron_scheduler", "tower"];

/// Default filter of commands that print a result: warnings, except those that the result repeats
/// (outcomes of scans, certificates), and except the SDK's dumps of credentials that it could not get.
pub const BESIDE_A_RESULT: &str = "warn,aws_config=error,scan_result=off,certificates=off";

/// Starts the log of this process, and sends panics there.
///
/// # Errors
/// If the process has a log already.
pub fn start(config: &LogConfig) -> Result<(), SetGlobalDefaultError> {
    let colours = wants_colours(&io::stderr());
    tracing::subscriber::set_global_default(subscriber(config, || Errors, colours))?;
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn subscriber<W>(config: &LogConfig, writer: W, colours: bool) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.level))
        .with_writer(writer)
        .with_ansi(colours);
    match config.format {
        LogFormat::Text => Box::new(builder.finish()),
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_ansi(false)
                .with_span_list(false)
                .finish(),
        ),
    }
}

fn filter(level: &LogFilter) -> EnvFilter {
    let wanted = level.directives();
    // A filter that allows only errors must not allow warnings of noisy targets.
    if wanted.split(',').any(is_quiet) {
        return EnvFilter::new(wanted);
    }
    let mut directives = String::new();
    for target in NOISY {
        directives.push_str(target);
        directives.push_str("=warn,");
    }
    directives.push_str(wanted);
    EnvFilter::new(directives)
}

/// Returns whether a directive allows errors at most, for all targets.
fn is_quiet(directive: &str) -> bool {
    let directive = directive.trim();
    directive.eq_ignore_ascii_case("off") || directive.eq_ignore_ascii_case("error")
}

/// Logs a panic like any other error: its message and its place.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let said = panic
        .payload_as_str()
        .unwrap_or("a value that is not a text");
    let at = panic
        .location()
        .map(ToString::to_string)
        .unwrap_or_default();
    let thread = thread::current();
    let thread = thread.name().unwrap_or_default();
    error!(target: "app", said, at, thread, "The program panicked");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl io::Write for CapturedLog {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogFormat, log: impl FnOnce()) -> String {
        let page = CapturedLog::default();
        let writer = page.clone();
        let config = LogConfig {
            level: level.parse().unwrap(),
            format,
        };
        let subscriber = subscriber(&config, move || writer.clone(), false);
        tracing::subscriber::with_default(subscriber, log);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_is_one_flat_object_per_line() {
        let page = logged("info", LogFormat::Json, || {
            info!(archive = "a\nb", "Scanned");
            info!("Stopped");
        });

        let lines: Vec<serde_json::Value> = page
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["message"], "Scanned");
        assert_eq!(lines[0]["archive"], "a\nb");
        assert_eq!(lines[0]["level"], "INFO");
        let timestamp = lines[0]["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z'), "{timestamp}");
        assert!(
            chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(),
            "{timestamp}"
        );
    }

    #[test]
    fn text_has_no_colours_unless_on_a_terminal() {
        let page = logged("info", LogFormat::Text, || info!(archive = "a", "Scanned"));

        assert!(
            page.contains("Scanned") && page.contains("archive=\"a\""),
            "{page}"
        );
        assert!(!page.contains('\x1b'), "{page}");
    }

    #[test]
    fn the_sdk_is_quiet_unless_asked() {
        let speak = || {
            debug!(target: "aws_smithy_runtime::client", "sdk-debug");
            warn!(target: "aws_config::meta::credentials::chain", "sdk-warn");
            debug!(target: "hyper_util::client", "hyper-debug");
            debug!("own-debug");
        };

        let usual = logged("trace", LogFormat::Text, speak);
        let asked = logged("info,aws_smithy_runtime=debug", LogFormat::Text, speak);
        let beside = logged(BESIDE_A_RESULT, LogFormat::Text, speak);
        let errors = logged("error", LogFormat::Text, speak);

        assert!(!beside.contains("sdk-"), "{beside}");
        assert!(
            usual.contains("sdk-warn") && usual.contains("own-debug"),
            "{usual}"
        );
        assert!(
            !usual.contains("sdk-debug") && !usual.contains("hyper-debug"),
            "{usual}"
        );
        assert!(
            asked.contains("sdk-debug") && !asked.contains("own-debug"),
            "{asked}"
        );
        assert_eq!(errors, "");
    }

    #[test]
    fn a_part_of_the_program_is_filtered_by_its_name() {
        let speak = || {
            debug!(target: "scan", "scan-debug");
            info!(target: "scan_result", "result-info");
            debug!(target: "web", "web-debug");
            warn!(target: "web", "web-warn");
        };

        let scans = logged("warn,scan=debug", LogFormat::Text, speak);
        let quiet = logged("info,scan_result=off", LogFormat::Text, speak);

        assert!(
            scans.contains("scan-debug") && scans.contains("result-info"),
            "{scans}"
        );
        assert!(
            scans.contains("web-warn") && !scans.contains("web-debug"),
            "{scans}"
        );
        assert!(
            quiet.contains("web-warn") && !quiet.contains("result-info"),
            "{quiet}"
        );
    }

    #[test]
    fn a_panic_is_one_line() {
        let page = logged("error", LogFormat::Text, || {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(log_panic));
            let _ = panic::catch_unwind(|| panic!("out of cheese"));
            panic::set_hook(usual);
        });

        assert_eq!(page.lines().count(), 1, "{page}");
        assert!(page.contains("The program panicked"), "{page}");
        assert!(
            page.contains("out of cheese") && page.contains("logging.rs"),
            "{page}"
        );
    }
}
