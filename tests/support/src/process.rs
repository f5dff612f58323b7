//! Programs as children of the test: started, watched, and ended by their own process id.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::waiting::{PAUSE, until};

/// Lines of a log that are shown when a test fails.
const SHOWN_LINES: usize = 40;

/// Time limit for a program to end after it was killed.
const DEATH: Duration = Duration::from_secs(10);

/// Program that runs next to the test, with its output in a log file.
///
/// Killed when dropped; if a test fails at that moment, the end of the log is printed.
pub struct Part {
    name: String,
    child: Child,
    log: PathBuf,
    leads_group: bool,
}

impl Part {
    /// Starts a program in the test's own process group, so that an interrupt reaches it too.
    ///
    /// # Panics
    /// Panics if it cannot be started.
    #[track_caller]
    pub fn start(name: &str, command: Command, log: &Path) -> Self {
        Self::spawn(name, command, log, false)
    }

    /// Starts a program in a process group of its own, which ends as a whole.
    #[track_caller]
    pub(crate) fn start_group(name: &str, mut command: Command, log: &Path) -> Self {
        command.process_group(0);
        Self::spawn(name, command, log, true)
    }

    #[track_caller]
    fn spawn(name: &str, mut command: Command, log: &Path, leads_group: bool) -> Self {
        let output = File::options().create(true).append(true).open(log);
        let output = output.unwrap_or_else(|error| panic!("cannot write {log:?}: {error}"));
        let errors = output
            .try_clone()
            .expect("an open file has another handle to spare");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name} ({command:?}): {error}"));
        Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            leads_group,
        }
    }

    /// Sends a signal, unless the program has ended already.
    pub fn signal(&mut self, signal: Signal) {
        if self.exited().is_some() {
            return;
        }
        // Until it is waited for, the id cannot belong to anybody else.
        let _ = if self.leads_group {
            kill_process_group(self.pid(), signal)
        } else {
            kill_process(self.pid(), signal)
        };
    }

    /// Exit status of the program; `None` while it runs.
    ///
    /// # Panics
    /// Panics if the system does not say.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn wait(&mut self, within: Duration) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        until(&what, within, || self.exited())
    }

    /// Waits until the program has ended or the time is over.
    pub fn wait_quietly(&mut self, within: Duration) {
        let deadline = Instant::now() + within;
        while self.exited().is_none() && Instant::now() < deadline {
            sleep(PAUSE);
        }
    }

    /// Ends the test if the program has ended: it should not have.
    #[track_caller]
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.exited() {
            panic!("{} ended early: {status}", self.name);
        }
    }

    /// Everything that the program has written so far.
    pub fn log(&self) -> String {
        fs::read(&self.log).map_or_else(
            |error| format!("(no log: {error})"),
            |bytes| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
        self.wait_quietly(DEATH);
        if panicking() {
            eprintln!(
                "---- log of {}\n{}\n----",
                self.name,
                last_lines(&self.log())
            );
        }
    }
}

/// Runs a program to its end and returns what it wrote to standard output.
///
/// # Panics
/// Panics if the program fails or takes longer than `within`; then both its outputs are shown.
#[track_caller]
pub fn run(command: Command, within: Duration) -> String {
    try_run(command, within).unwrap_or_else(|complaint| panic!("{complaint}"))
}

/// Runs a program to its end and returns what it wrote to standard output.
///
/// # Errors
/// Returns an error if the program fails or takes longer than `within`: its command, its end and both its outputs.
#[track_caller]
pub fn try_run(mut command: Command, within: Duration) -> Result<String, String> {
    // Files, as a pipe that nobody reads can fill up.
    let mut output = tempfile::tempfile().expect("temporary files can be made");
    let mut errors = tempfile::tempfile().expect("temporary files can be made");
    let handles = "an open file has another handle to spare";
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect(handles))
        .stderr(errors.try_clone().expect(handles))
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let deadline = Instant::now() + within;
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            None if Instant::now() < deadline => sleep(PAUSE),
            ended => break ended,
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    let output = content(&mut output);
    if status.is_some_and(|status| status.success()) {
        return Ok(output);
    }
    Err(format!(
        "{command:?}\nended with {status:?} (`None`: not within {within:?})\n{output}{}",
        content(&mut errors)
    ))
}

/// Ports that are handed out: below those that systems give to whoever asks for any port, so that
/// nobody else gets one between its choice and its use.
const PORTS: Range<u16> = 12_000..32_000;

/// Number of ports that this process has tried.
static TRIED_PORTS: AtomicU32 = AtomicU32::new(0);

/// Returns ports on the loopback interface on which nothing listens, none of them twice.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    [(); N].map(|()| free_port())
}

fn free_port() -> u16 {
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in PORTS {
        let tried = TRIED_PORTS.fetch_add(1, Ordering::Relaxed);
        // Processes start at different places.
        let place = std::process::id().wrapping_mul(101).wrapping_add(tried) % count;
        let port = PORTS.start + u16::try_from(place).expect("a place within the range");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("the loopback interface has no free port");
}

fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind()
        .and_then(|()| file.read_to_end(&mut bytes))
        .expect("a file just written is readable");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "not within 50ms")]
    fn a_program_that_does_not_end_is_killed_at_the_deadline() {
        let mut command = Command::new("sleep");
        command.arg("60");

        run(command, Duration::from_millis(50));
    }

    #[test]
    fn a_group_ends_as_a_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let log = scratch.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $!; wait"]);

        let part = Part::start_group("shell", command, &log);
        let inner = until("the inner process", DEATH, || {
            part.log().trim().parse::<i32>().ok()
        });
        drop(part);

        let gone = || !Path::new(&format!("/proc/{inner}/exe")).exists();
        until("the inner process to end", DEATH, || gone().then_some(()));
    }
}
