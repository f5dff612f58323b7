//! Clients that are slow, many or gone, and the end of the program.

use super::*;

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(shows(vec![], 0), ConnectionLimits::default()).await;

    let answer = server
        .ask("GET", "/", &format!("X: {}\r\n", "x".repeat(100_000)))
        .await;

    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_cut_and_blocks_nobody() {
    let limits = ConnectionLimits {
        header_timeout: Duration::from_millis(500),
        ..ConnectionLimits::default()
    };
    let server = Server::start(shows(vec![], 0), limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost").await.unwrap();
    let mut silent = server.connect().await;
    let begin = Instant::now();

    let answer = server.get("/-/healthy").await;

    assert_eq!(answer.status, 200);
    read_to_end(&mut slow).await;
    read_to_end(&mut silent).await;
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_probe_is_answered_at_once_beside_many_who_dribble() {
    let server = Server::start(shows(vec![], 0), ConnectionLimits::default()).await;
    let mut dribbling = Vec::new();
    for _ in 0..100 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nX").await.unwrap();
        dribbling.push(stream);
    }
    let begin = Instant::now();

    let answer = server.get("/-/healthy").await;

    let took = begin.elapsed();
    assert_eq!(answer.status, 200);
    assert!(took < Duration::from_secs(1), "{took:?}");
    for stream in &mut dribbling {
        read_to_end(stream).await;
    }
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn places_are_free_again_when_clients_leave() {
    let limits = ConnectionLimits {
        max_connections: 2,
        ..ConnectionLimits::default()
    };
    let server = Server::start(shows(vec![], 0), limits).await;
    let first = server.connect().await;
    let second = server.connect().await;
    let third = server.get("/-/healthy");
    tokio::pin!(third);

    let waits = timeout(Duration::from_millis(300), third.as_mut())
        .await
        .is_err();
    drop((first, second));

    assert!(waits, "a third connection was served");
    assert_eq!(timeout(DEADLINE, third).await.unwrap().status, 200);
    for _ in 0..20 {
        assert_eq!(server.get("/-/healthy").await.status, 200);
    }
}

#[tokio::test]
async fn who_does_not_read_is_cut_at_the_end_of_the_connections_life() {
    let short = Duration::from_millis(300);
    let limits = ConnectionLimits {
        max_connections: 1,
        connection_life: short,
        grace: short,
        ..ConnectionLimits::default()
    };
    let server = Server::start(shows(vec![], 50_000_000), limits).await;
    let mut lazy = server.connect().await;
    lazy.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();

    let answer = timeout(DEADLINE, server.get("/-/healthy")).await;

    assert_eq!(answer.expect("the only place is free again").status, 200);
    assert!(read_to_end(&mut lazy).await.len() < 50_000_000);
}

#[tokio::test]
async fn a_stop_lets_requests_end_and_closes_idle_connections() {
    let content = shows(vec![], 10);
    let server = Server::start(Arc::clone(&content) as _, ConnectionLimits::default()).await;
    let mut idle = server.connect().await;
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(idle.read(&mut [0; 1000]).await.unwrap() > 0);
    let mut running = server.connect().await;
    let closed = content.gate.lock().await;
    running
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let begun = async {
        while content.asked.load(Ordering::SeqCst) == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, begun).await.expect("the request arrives");

    server.stop.cancel();
    read_to_end(&mut idle).await;
    let refused = TcpStream::connect(server.address).await.is_err();
    let still_runs = !server.task.is_finished();
    drop(closed);

    assert!(refused, "it still listens");
    assert!(still_runs, "it did not wait");
    assert_eq!(Answer::parse(&read_to_end(&mut running).await).status, 200);
    timeout(DEADLINE, server.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_for_those_who_do_not_read() {
    let limits = ConnectionLimits {
        grace: Duration::from_millis(300),
        ..ConnectionLimits::default()
    };
    let server = Server::start(shows(vec![], 50_000_000), limits).await;
    let mut lazy = server.connect().await;
    lazy.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    assert!(lazy.read(&mut [0; 10]).await.unwrap() > 0);
    let mut partial = server.connect().await;
    partial.write_all(b"GET /met").await.unwrap();
    let begin = Instant::now();

    server.stop.cancel();
    timeout(DEADLINE, server.task)
        .await
        .unwrap()
        .unwrap()
        .unwrap();

    let took = begin.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}
