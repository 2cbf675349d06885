use model::Fault;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use transport::{Listener, Security, Stream, Target, dial, fault_from_io};

pub const SOON: Duration = Duration::from_secs(5);

fn target(host: &str, port: u16) -> Target {
    Target::Tcp { host: host.into(), port }
}

async fn refusal(target: &Target, timeout: Duration) -> String {
    match dial(target, timeout).await {
        Err(Fault::Connect(why)) => why.into_owned(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("connected"),
    }
}

#[tokio::test]
async fn bytes_go_both_ways_by_name_and_by_address() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let port = listener.address().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let target = target(host, port);
        let (near, incoming) = tokio::join!(dial(&target, SOON), listener.accept());
        let (mut near, mut far) = (near.unwrap(), incoming.unwrap().open(SOON).await.unwrap());
        near.write_all(b"ping").await.unwrap();
        near.flush().await.unwrap();
        let mut got = [0; 4];
        far.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ping");
        assert_eq!(near.security(), Security::None);
        assert_eq!(near.peer_address().unwrap().port(), port);
        assert!(near.peer_certificates().is_empty());
        let Stream::Tcp(socket) = &near else { panic!("no TCP") };
        assert!(socket.nodelay().unwrap(), "a poll is one small packet");
        far.shutdown().await.unwrap();
        drop(far);
        let error = near.read_exact(&mut got).await.unwrap_err();
        assert!(matches!(fault_from_io(&error), Fault::Lost(why) if why.contains("closed")));
    }
}

#[tokio::test]
async fn a_closed_port_is_refused_in_words() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let address = listener.address().unwrap();
    drop(listener);
    let why = refusal(&target("127.0.0.1", address.port()), SOON).await;
    assert!(why.starts_with(&format!("{address} refused the connection")), "{why}");
}

#[tokio::test]
async fn an_unknown_name_is_named() {
    // `.invalid` never resolves (RFC 6761, 6.4).
    let why = refusal(&target("plc-17.invalid", 502), SOON).await;
    assert!(why.contains("the name `plc-17.invalid`"), "{why}");
}

#[tokio::test]
async fn silence_ends_at_the_timeout() {
    // A listen queue that is full and never served: the kernel drops further connection requests.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let mut queued = Vec::new();
    let started = Instant::now();
    let why = loop {
        match dial(&target("127.0.0.1", port), Duration::from_millis(300)).await {
            Ok(stream) => queued.push(stream),
            Err(fault) => break fault.to_string(),
        }
        assert!(queued.len() < 64 && started.elapsed() < Duration::from_secs(30), "the queue never fills");
    };
    assert!(why.contains("gave no answer") && why.contains("300 ms"), "{why}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let Err(Fault::Config(why)) = Listener::bind(listener.address().unwrap(), None).await else {
        panic!("bound twice")
    };
    assert!(why.contains("another program uses this port"), "{why}");
}
