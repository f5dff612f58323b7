//! The log: one line per message, on standard error.

use std::io::{self, IsTerminal};
use std::panic::{self, PanicHookInfo};
use std::{env, thread};

use tracing::subscriber::SetGlobalDefaultError;
use tracing::{Subscriber, error};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::terminal::Errors;
use crate::config::{LogConfig, LogFilter, LogFormat};

/// Targets whose messages interest only those who work on them: limited to warnings, unless a
/// directive of the configuration says otherwise. Each stands for all that begin with it.
const NOISY: [&str; 4] = ["aws_", "hyper", "tokio_cron_scheduler", "tower"];

/// What a command that shows a result logs unless told otherwise: what is odd, but for what the
/// result itself says of scans and certificates, and what the SDK dumps of credentials that a scan
/// could not get.
pub const BESIDE_A_RESULT: &str = "warn,aws_config=error,\
                                   scan::outcome=off,\
                                   barman_cloud_exporter::certificates::watcher=off";

/// Starts the log of this process, and sends panics there.
///
/// # Errors
/// When the process has a log already.
pub fn start(config: &LogConfig) -> Result<(), SetGlobalDefaultError> {
    let colours = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
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
            builder.json().flatten_event(true).with_ansi(false).with_span_list(false).finish(),
        ),
    }
}

fn filter(level: &LogFilter) -> EnvFilter {
    let wanted = level.directives();
    let is_quiet = |directive: &str| {
        let directive = directive.trim();
        directive.eq_ignore_ascii_case("off") || directive.eq_ignore_ascii_case("error")
    };
    // Where only errors are wanted, warnings of those would be more, not less.
    if wanted.split(',').any(is_quiet) {
        return EnvFilter::new(wanted);
    }
    let mut directives = NOISY.map(|target| format!("{target}=warn")).join(",");
    directives.push(',');
    directives.push_str(wanted);
    EnvFilter::new(directives)
}

/// A panic is one error like any other: what it said, and where.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let said = panic.payload_as_str().unwrap_or("something that is no text");
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let thread = thread::current();
    error!(said, at, thread = thread.name().unwrap_or_default(), "The program panicked");
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
        let config = LogConfig { level: level.parse().unwrap(), format };
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

        let lines: Vec<serde_json::Value> =
            page.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["message"], "Scanned");
        assert_eq!(lines[0]["archive"], "a\nb");
        assert_eq!(lines[0]["level"], "INFO");
        let timestamp = lines[0]["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z'), "{timestamp}");
        assert!(chrono::DateTime::parse_from_rfc3339(timestamp).is_ok(), "{timestamp}");
    }

    #[test]
    fn text_has_no_colours_unless_on_a_terminal() {
        let page = logged("info", LogFormat::Text, || info!(archive = "a", "Scanned"));

        assert!(page.contains("Scanned") && page.contains("archive=\"a\""), "{page}");
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
        assert!(usual.contains("sdk-warn") && usual.contains("own-debug"), "{usual}");
        assert!(!usual.contains("sdk-debug") && !usual.contains("hyper-debug"), "{usual}");
        assert!(asked.contains("sdk-debug") && !asked.contains("own-debug"), "{asked}");
        assert_eq!(errors, "");
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
        assert!(page.contains("out of cheese") && page.contains("logging.rs"), "{page}");
    }
}
