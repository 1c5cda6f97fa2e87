//! Against real sockets: servers that answer by the book, and servers that do not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};

use super::*;

/// What a server was asked: the head's lines, and the body.
type Asked = (Vec<String>, Vec<u8>);

/// Reads one request; `None` where the other side has hung up.
fn read_request(stream: &mut impl Read) -> Option<Asked> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_owned()),
        }
    }
    let length = head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Answers requests with `answers`, one after another; an empty one hangs up instead. Each element of `connections` is one connection.
fn serve(connections: Vec<Vec<Vec<u8>>>) -> (Address, JoinHandle<Vec<Asked>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://127.0.0.1:{}/metrics", listener.local_addr().unwrap().port()).parse().unwrap();
    let asked = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answers in connections {
            let (mut stream, _) = listener.accept().unwrap();
            for answer in answers {
                let Some(request) = read_request(&mut stream) else { break };
                asked.push(request);
                if answer.is_empty() {
                    break;
                }
                stream.write_all(&answer).unwrap();
            }
        }
        asked
    });
    (address, asked)
}

fn client(address: &Address) -> Blocking {
    Blocking::new(Client::new(address, &Trust::system(None).unwrap()).unwrap()).unwrap()
}

fn get(address: &Address) -> Result<Response, NetError> {
    client(address).send(&Request::get(address), &Limits::default())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

#[test]
fn one_connection_carries_many_requests_with_login_and_headers() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec();
    let (address, asked) =
        serve(vec![vec![answer("200 OK", "X-A: 1\r\n", b"one"), chunked, answer("503 Busy", "", b"\n no\x1b[2J\n")]]);
    let with_login: Address = address.to_string().replace("//", "//ops:pa%3Ass@").parse().unwrap();
    let client = client(&with_login);
    let request = Request::get(&with_login).header("Accept", "text/plain");
    let first = client.send(&request, &Limits::default()).unwrap();
    assert_eq!((first.status, first.header("x-a"), first.body.as_slice()), (200, Some("1"), b"one".as_slice()));
    assert_eq!(client.send(&request, &Limits::default()).unwrap().body, b"abcde");
    let asking = Request::ask(&with_login.below("api", &[]), &[("query", "up{a=\"b\"}")]);
    let third = client.send(&asking, &Limits::default()).unwrap();
    assert_eq!((third.status, third.is_success(), third.first_line().as_str()), (503, false, "no[2J"));
    let asked = asked.join().unwrap();
    assert_eq!(asked[0].0[0], "GET /metrics HTTP/1.1");
    let has = |line: &str| asked[0].0.iter().any(|other| other.eq_ignore_ascii_case(line));
    assert!(has("Authorization: Basic b3BzOnBhOnNz") && has("Accept: text/plain"), "{:?}", asked[0].0);
    assert!(has(&format!("Host: 127.0.0.1:{}", address.port())), "{:?}", asked[0].0);
    assert_eq!(
        (asked[2].0[0].as_str(), asked[2].1.as_slice()),
        ("POST /metrics/api HTTP/1.1", b"query=up%7Ba%3D%22b%22%7D".as_slice())
    );
}

#[test]
fn a_refusal_that_repeats_the_login_is_shown_without_it() {
    let echo = b"{\"Authorization\": \"Basic b3BzOnBhOnNz\", \"password\": \"pa:ss\"}";
    let (address, _asked) = serve(vec![vec![answer("401 Who", "", echo), answer("200 OK", "", echo)]]);
    let with_login: Address = address.to_string().replace("//", "//ops:pa%3Ass@").parse().unwrap();
    let client = client(&with_login);
    let get = || client.send(&Request::get(&with_login), &Limits::default()).unwrap();
    assert_eq!(get().first_line(), "{\"Authorization\": \"Basic ***\", \"password\": \"***\"}");
    assert_eq!(get().body, echo, "what is answered for good is data");
}

#[test]
fn a_kept_connection_that_died_is_replaced_and_nothing_is_handed_over_twice() {
    let ok = || answer("200 OK", "", b"ok");
    let (address, asked) = serve(vec![vec![ok(), vec![]], vec![ok(), vec![]], vec![ok()]]);
    let client = client(&address);
    let once = Request::post(&address, "text/plain", b"x".to_vec());
    client.send(&Request::get(&address), &Limits::default()).unwrap();
    client.send(&Request::get(&address), &Limits::default()).unwrap();
    let cut = client.send(&once, &Limits::default()).unwrap_err();
    assert!(matches!(cut, NetError::Cut { .. }) && !cut.is_unsent(), "{cut:?}");
    client.send(&once.repeatable(), &Limits::default()).unwrap();
    assert_eq!(asked.join().unwrap().len(), 5);
}

#[test]
fn an_answer_that_is_cut_or_no_answer_is_an_error() {
    for (bytes, is_cut) in [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc".to_vec(), true),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab".to_vec(), true),
        (b"HTTP/1.1 200 O".to_vec(), true),
        (vec![], true),
        (b"220 mail.example.org ESMTP\r\n".to_vec(), false),
        ([b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'a'; 200_000], b"\r\n\r\n".to_vec()].concat(), false),
    ] {
        let (address, asked) = serve(vec![vec![bytes.clone()]]);
        let error = get(&address).unwrap_err();
        assert_eq!(matches!(error, NetError::Cut { .. }), is_cut, "{error:?}");
        assert_eq!(matches!(error, NetError::Protocol { .. }), !is_cut, "{error:?}");
        drop(asked); // a head that is too long is not read to its end
    }
}

#[test]
fn nobody_there_no_such_host_and_one_who_says_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = get(&format!("http://127.0.0.1:{free}/x?token=abc").parse().unwrap()).unwrap_err();
    let told = error.to_string().replace(&free.to_string(), "PORT");
    insta::assert_snapshot!(told, @"http://127.0.0.1:PORT/x?…: cannot be reached: nobody listens there");
    assert!(error.is_unsent() && error.may_pass());
    let error = get(&"http://no-such-host.invalid/".parse().unwrap()).unwrap_err();
    assert!(matches!(error, NetError::Unreachable { .. }), "{error:?}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap(); // the system accepts for it
    let address = format!("http://127.0.0.1:{}/", silent.local_addr().unwrap().port()).parse().unwrap();
    let short = Limits { total: Duration::from_millis(100), ..Limits::default() };
    let error = client(&address).send(&Request::get(&address), &short).unwrap_err();
    assert!(
        matches!(error, NetError::Timeout { .. }) && error.to_string().ends_with("has not answered within 0.1 s"),
        "{error}"
    );
}

#[test]
fn no_answer_is_longer_than_its_limit_packed_or_unpacked() {
    let limits = Limits { packed: 10_000, unpacked: 100_000, ..Limits::default() };
    let zeros = vec![0; 100_001];
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 10_001]].concat();
    let bombs = [
        (answer("200 OK", "", &zeros[..10_001]), false),
        (endless, false),
        (answer("200 OK", "Content-Encoding: gzip\r\n", &gzip(&zeros)), true),
        (answer("200 OK", "Content-Encoding: gzip, gzip\r\n", &gzip(&gzip(&zeros))), true),
        (answer("200 OK", "Content-Encoding: zstd\r\n", &zstd::encode_all(zeros.as_slice(), 3).unwrap()), true),
    ];
    for (bytes, when_unpacked) in bombs {
        let (address, asked) = serve(vec![vec![bytes]]);
        let error = client(&address).send(&Request::get(&address), &limits).unwrap_err();
        assert!(matches!(error, NetError::TooLarge { unpacked, .. } if unpacked == when_unpacked), "{error:?}");
        drop(asked);
    }
}

#[test]
fn what_is_packed_is_unpacked_and_what_is_damaged_is_told() {
    let text = b"up 1\n".repeat(100);
    let both = [gzip(&text), gzip(b"# EOF\n")].concat(); // two members are one body
    let good = [
        ("gzip", both, [text.clone(), b"# EOF\n".to_vec()].concat()),
        ("zstd", zstd::encode_all(text.as_slice(), 3).unwrap(), text.clone()),
        ("identity", text.clone(), text.clone()),
        ("gzip", vec![], vec![]),
    ];
    for (encoding, packed, unpacked) in good {
        let (address, asked) =
            serve(vec![vec![answer("200 OK", &format!("Content-Encoding: {encoding}\r\n"), &packed)]]);
        let client = client(&address);
        let response = client.send(&Request::get(&address).packed(), &Limits::default()).unwrap();
        assert_eq!((response.body, response.packed), (unpacked, packed.len() as u64), "{encoding}");
        assert!(asked.join().unwrap()[0].0.iter().any(|line| line.eq_ignore_ascii_case("Accept-Encoding: zstd, gzip")));
    }
    let cut = gzip(&text)[..20].to_vec();
    for (encoding, bytes) in
        [("gzip", cut), ("zstd", text.clone()), ("br", text.clone()), ("gzip,gzip,gzip", gzip(&text))]
    {
        let (address, _asked) =
            serve(vec![vec![answer("200 OK", &format!("Content-Encoding: {encoding}\r\n"), &bytes)]]);
        let error = get(&address).unwrap_err();
        assert!(matches!(error, NetError::Packing { .. }), "{encoding}: {error:?}");
    }
    // A window of 128 MiB is no answer to a request of ours.
    let mut wide = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    wide.window_log(27).unwrap();
    wide.write_all(&text).unwrap();
    let (address, _asked) = serve(vec![vec![answer("200 OK", "Content-Encoding: zstd\r\n", &wide.finish().unwrap())]]);
    assert!(matches!(get(&address), Err(NetError::Packing { .. })));
}

#[test]
fn a_redirect_is_followed_on_the_same_host_only() {
    let to = |location: &str| answer("302 Found", &format!("Location: {location}\r\n"), b"");
    let follow = |answers: Vec<Vec<u8>>| {
        let (address, asked) = serve(vec![answers]);
        let request = Request::get(&address).following(Redirects::SameHost);
        let answer = client(&address).send(&request, &Limits::default());
        (answer, asked.join().unwrap())
    };
    let (response, asked) = follow(vec![to("/a"), to("b?c=1"), answer("200 OK", "", b"here")]);
    assert_eq!(response.unwrap().body, b"here");
    assert_eq!(
        asked.iter().map(|(head, _)| head[0].as_str()).collect::<Vec<_>>(),
        ["GET /metrics HTTP/1.1", "GET /a HTTP/1.1", "GET /b?c=1 HTTP/1.1"]
    );
    let (response, _) = follow(vec![to("/login?next=http://127.0.0.1/"), answer("200 OK", "", b"here")]);
    assert_eq!(response.unwrap().body, b"here", "an address in a query leads nowhere");
    for elsewhere in
        ["http://169.254.169.254/latest", "//evil.example.org/", "http://127.0.0.1:1/", "http://localhost/"]
    {
        let (error, _) = follow(vec![to(elsewhere)]);
        assert!(
            matches!(&error, Err(NetError::Redirect { why, .. }) if why.starts_with("that is another")),
            "{error:?}"
        );
    }
    assert!(matches!(follow(vec![to("/a"); 6]).0, Err(NetError::Redirect { why: "those are too many redirects", .. })));
    let (address, _asked) = serve(vec![vec![to("/a")]]);
    assert_eq!(get(&address).unwrap().status, 302);
}

#[test]
fn many_requests_run_at_once_but_not_more_than_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: Address = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port()).parse().unwrap();
    let server = std::thread::spawn(move || {
        // Three at once: none is answered before all three are there. Then each connection is used on.
        let mut streams: Vec<TcpStream> = (0..3).map(|_| listener.accept().unwrap().0).collect();
        for round in 0..2 {
            let asked: Vec<Asked> = streams.iter_mut().map(|stream| read_request(stream).unwrap()).collect();
            for (stream, (head, _)) in streams.iter_mut().zip(asked) {
                stream.write_all(&answer("200 OK", "", format!("{round} {}", head[0]).as_bytes())).unwrap();
            }
        }
        listener.set_nonblocking(true).unwrap();
        listener.accept().is_err()
    });
    let requests = (0..6).map(|i| Request::get(&address.below(&i.to_string(), &[]))).collect();
    let mut places = Vec::new();
    client(&address)
        .send_all(requests, 3, Limits::default(), |place, response| {
            assert!(String::from_utf8_lossy(&response.body).contains(&format!("GET /{place} ")));
            places.push(place);
            Ok::<_, NetError>(())
        })
        .unwrap();
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3, 4, 5]);
    assert!(server.join().unwrap(), "no fourth connection");
}

#[test]
fn a_header_cannot_be_smuggled() {
    let address: Address = "http://127.0.0.1:1/".parse().unwrap(); // nobody listens there, and nobody is asked
    for (name, value) in [("X-A", "b\r\nX-C: d"), ("X A", "b"), ("", "b"), ("X-A", "\0")] {
        let error = client(&address).send(&Request::get(&address).header(name, value), &Limits::default()).unwrap_err();
        assert!(matches!(error, NetError::Header { .. }), "{error:?}");
        assert!(!error.to_string().contains("X-C"));
    }
    let client = Client::new(&address, &Trust::system(None).unwrap())
        .unwrap()
        .with_login(Login::Bearer(Secret::new("hunter2".into())));
    let request = Request::get(&address).header("X-Api-Key", "hunter2");
    assert_eq!(
        format!("{client:?} {request:?}"),
        r#"Client(http://127.0.0.1:1/) Request(Get http://127.0.0.1:1/ ["X-Api-Key"] 0 bytes)"#
    );
}

/// An authority, and a certificate of it for `localhost` and 127.0.0.1.
fn certificates(dir: &Path) -> bool {
    let made = [
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out request.pem",
        "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem",
    ];
    std::fs::write(dir.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    made.iter().all(|line| {
        let run = Command::new("openssl").args(line.split(' ')).current_dir(dir).output();
        run.is_ok_and(|run| run.status.success())
    })
}

/// Answers over TLS; a handshake that fails is one connection too.
fn serve_private(dir: &Path, connections: usize) -> (u16, JoinHandle<()>) {
    let chain = CertificateDer::pem_file_iter(dir.join("cert.pem")).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(dir.join("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        for _ in 0..connections {
            let (stream, _) = listener.accept().unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            while read_request(&mut stream).is_some() {
                stream.write_all(&answer("200 OK", "", b"private")).unwrap();
            }
        }
    });
    (port, server)
}

#[test]
fn a_private_connection_is_to_who_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    if !certificates(dir.path()) {
        return println!("skipped: a private connection: openssl is not installed");
    }
    let (port, server) = serve_private(dir.path(), 4);
    let ca = dir.path().join("ca.pem");
    let trust = |ca: Option<&Path>| Trust::system(ca).unwrap();
    assert!(trust(None).is_as(&trust(None)) && trust(Some(&ca)).is_as(&trust(Some(&ca))));
    assert!(
        !trust(None).is_as(&trust(Some(&ca))) && !trust(Some(&dir.path().join("cert.pem"))).is_as(&trust(Some(&ca)))
    );
    let ask = |url: String, ca: Option<&Path>| {
        let address: Address = url.parse()?;
        let client = Blocking::new(Client::new(&address, &Trust::system(ca)?)?)?;
        let twice = [
            client.send(&Request::get(&address), &Limits::default()),
            client.send(&Request::get(&address), &Limits::default()),
        ];
        let [first, second] = twice;
        second.and(first)
    };
    assert_eq!(ask(format!("https://localhost:{port}/"), Some(&ca)).unwrap().body, b"private");
    assert_eq!(ask(format!("https://127.0.0.1:{port}/"), Some(&ca)).unwrap().body, b"private");
    let error = ask(format!("https://localhost:{port}/"), None).unwrap_err();
    assert!(
        matches!(error, NetError::Untrusted { .. })
            && error
                .to_string()
                .ends_with("its certificate is not trusted (UnknownIssuer): name its authority with `ca_file`"),
        "{error}"
    );
    server.join().unwrap();
    // A server that speaks in the open.
    let (address, _asked) = serve(vec![vec![], vec![]]);
    let error = ask(address.to_string().replace("http:", "https:"), Some(&ca)).unwrap_err();
    assert!(error.is_unsent(), "{error:?}");
    std::fs::write(&ca, "no certificate").unwrap();
    assert!(matches!(Trust::system(Some(&ca)), Err(NetError::Authority { .. })));
}
