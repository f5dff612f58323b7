//! Threads of the verification, which everything else goes before.

use std::panic::resume_unwind;
use std::thread;

use tokio::task::{JoinHandle, spawn_blocking};

/// Niceness of the threads: the lowest priority there is.
const NICENESS: i32 = 19;

/// Starts work that takes a processor for long, on a thread that may block and that waits for all others.
///
/// Whoever waits for it gets an error if the work panics, or no thread can be started.
pub(super) fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // A thread of the runtime would stay slow: only privileged programs can raise a priority again.
    spawn_blocking(|| {
        let thread = thread::spawn(|| {
            lower_priority();
            work()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Gives the current thread the lowest priority.
///
/// On Linux, a niceness is one of a thread (`setpriority(2)`, "C library/kernel differences").
fn lower_priority() {
    // Where that is forbidden, the work is done all the same.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}
