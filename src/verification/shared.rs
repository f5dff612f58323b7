//! What scans and the verifier of an archive tell each other.

use std::sync::Arc;

use tokio::sync::watch;

use super::Ledger;
use crate::assess::ArchiveTargets;
use crate::evidence::ArchiveEvidence;
use crate::scan::VerifiedContents;

/// Evidence for scans, and what they find for the verifier.
#[derive(Debug)]
pub struct SharedContents {
    /// Evidence and budget.
    pub ledger: Arc<Ledger>,
    targets: watch::Sender<Option<Arc<ArchiveTargets>>>,
}

impl SharedContents {
    /// Shares a ledger; no scan has ended yet.
    #[must_use]
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger: Arc::new(ledger),
            targets: watch::Sender::new(None),
        }
    }

    /// What the last scan found; `None` if none has succeeded.
    #[must_use]
    pub fn targets(&self) -> Option<Arc<ArchiveTargets>> {
        self.targets.borrow().clone()
    }

    /// Follows what scans find.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<ArchiveTargets>>> {
        self.targets.subscribe()
    }
}

impl VerifiedContents for SharedContents {
    fn read(&self, look: &mut dyn FnMut(&ArchiveEvidence)) {
        self.ledger.read(|evidence| look(evidence));
    }

    fn scanned(&self, targets: ArchiveTargets) {
        self.targets.send_replace(Some(Arc::new(targets)));
    }
}
