//! Signals during the reads: what was done is kept.

use std::time::Duration;

use embedded_s3::{Action, Fault, Operation, When};
use serde_json::json;
use test_support::{Launch, Signal};

use crate::verify::{ID, configuration, found, reads, serve, server, with_backup};

#[tokio::test]
async fn what_was_read_before_an_interrupt_is_kept() {
    for signal in [Signal::INT, Signal::TERM] {
        let archive = serve(with_backup("good")).await;
        let data = When::operation(Operation::GetObject).containing("data.tar.gz");
        archive.s3().faults().add(Fault::new(data, Action::Hang));
        let state = json!({ "stateDirectory": archive.directory().join("state") });
        let configuration = configuration(&archive, &state).to_string();
        let mut running = Launch::new(configuration).argument("verify").spawn();
        let is_reading_data = || {
            let mut requests = reads(&archive).into_iter();
            requests.any(|request| {
                request.operation == Operation::GetObject && request.path.contains("data.tar")
            })
        };
        for _ in 0..600 {
            if is_reading_data() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running.signal(signal);

        let (status, said) = tokio::task::spawn_blocking(|| running.ended())
            .await
            .expect("it ends");

        assert_eq!(status.code(), Some(3), "{said}");
        assert!(said.contains("Interrupted"), "{said}");
        assert!(said.contains("1 of 1 file read"), "{said}");
        assert!(said.contains(&format!("{ID}: not read")), "{said}");
        archive.s3().faults().clear();
        archive.s3().clear_requests();
        let (code, document) = found(&archive, &state, &[]).await;
        assert_eq!(code, Some(0), "{document}");
        assert_eq!(server(&document)["wal"]["read_before"], 1);
        assert!(
            reads(&archive)
                .iter()
                .all(|request| request.path.contains("data.tar"))
        );
    }
}
