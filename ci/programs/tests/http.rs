//! Tests `http`: its answers, which clients it drops, and how it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{FileExt, symlink};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use programs::http::Client;
use programs::server::Server;
use programs::{Outcome, Scratch, bytes, program, run};
use rustix::process::Signal;

/// A directory `site` with some files, and a file `secret` beside it.
struct Site {
    scratch: Scratch,
    server: Server,
}

impl Site {
    /// Serves the directory with a patience of so many seconds.
    fn new(patience: u32) -> Self {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.path("site/sub")).unwrap();
        for (name, content) in [("index.html", "home"), ("sub/index.html", "sub"), ("a b.txt", "a b"), ("one", "1")] {
            scratch.file(&format!("site/{name}"), content);
        }
        for len in [0, 1, 8192, 100_000, 3_000_000] {
            scratch.file(&format!("site/{len}"), bytes(len));
        }
        scratch.file("secret", "secret");
        let mut command = Command::new(program("runtime", "http"));
        let server = Server::start(command.args(["--patience", &patience.to_string()]).arg(scratch.path("site")));
        Self { scratch, server }
    }

    fn client(&self) -> Client {
        Client::new(self.server.connect())
    }

    /// Sends some bytes and then a good request, and returns the statuses of all answers up to the connection's end.
    #[track_caller]
    fn ask(&self, request: impl AsRef<[u8]>) -> Vec<u16> {
        let mut client = self.client();
        client.send(request).send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n").finish();
        client.statuses()
    }
}

#[test]
fn files_are_answered_as_they_are() {
    let site = Site::new(5);
    let mut client = site.client();
    for len in [0, 1, 8192, 100_000, 3_000_000] {
        let answer = client.get(&format!("/{len}"));
        let head = format!(
            "HTTP/1.1 200 OK\r\nServer: bare-uring\r\nContent-Type: application/octet-stream\r\n\
             Content-Length: {len}\r\nConnection: keep-alive\r\n\r\n"
        );
        assert_eq!(answer.head, head);
        assert!(answer.body == bytes(len), "another content of {len} bytes");
    }
    for (path, content, kind) in [
        ("/", "home", "text/html; charset=utf-8"),
        ("//", "home", "text/html; charset=utf-8"),
        ("/sub/", "sub", "text/html; charset=utf-8"),
        ("/a%20b.txt", "a b", "text/plain; charset=utf-8"),
        ("/on%65", "1", "application/octet-stream"),
        ("/one?x=/../y", "1", "application/octet-stream"),
        ("/one#part", "1", "application/octet-stream"),
        ("http://there/one", "1", "application/octet-stream"),
        ("http://there", "home", "text/html; charset=utf-8"),
    ] {
        let answer = client.get(path);
        assert_eq!((answer.status, &answer.body[..]), (200, content.as_bytes()), "{path}");
        assert!(answer.head.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{path}: {}", answer.head);
    }
}

#[test]
fn head_has_the_length_and_no_body() {
    let site = Site::new(5);
    let mut client = site.client();
    for path in ["/100000", "/none"] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        let head = client.head().head;
        assert_eq!(head, client.get(path).head);
    }
    // The body of an error is the error's name.
    let missing = client.get("/none");
    assert_eq!((missing.status, &missing.body[..]), (404, &b"404 Not Found\n"[..]));
}

#[test]
fn requests_sent_ahead_are_answered_in_their_order() {
    let site = Site::new(5);
    let mut client = site.client();
    let order = [100_000, 1, 0, 8192, 1, 100_000, 8192];
    client.send(order.map(|len| format!("GET /{len} HTTP/1.1\r\nHost: x\r\n\r\n")).concat());
    for len in order {
        assert!(client.answer().body == bytes(len), "another content of {len} bytes");
    }
    // There are more heads than the server's buffer holds, so that one of them lies across its end.
    client.send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n".repeat(700));
    for number in 0..700 {
        assert_eq!(client.answer().body, b"1", "{number}");
    }
}

#[test]
fn a_request_may_come_in_pieces() {
    let site = Site::new(5);
    let request = b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut client = site.client();
    client.stream.set_nodelay(true).unwrap();
    for at in 1..request.len() {
        client.send(&request[..at]);
        sleep(Duration::from_millis(2));
        assert_eq!(client.send(&request[at..]).answer().body, b"1", "cut at {at}");
    }
}

#[test]
fn a_body_is_thrown_away_to_its_last_byte_and_no_further() {
    let site = Site::new(5);
    let get = "GET /one HTTP/1.1\r\nHost: x\r\n";
    for len in [0, 1, 5, 8192, 20_000, 65_536] {
        let body = "x".repeat(len);
        // The bytes behind the body are a request, even if they look like more of the body.
        assert_eq!(site.ask(format!("{get}Content-Length: {len}\r\n\r\n{body}")), [200, 200], "{len}");
        assert_eq!(
            site.ask(format!("{get}Content-Length: {len}\r\n\r\n{body}XYZ /one HTTP/1.1\r\nHost: x\r\n\r\n")),
            [200, 405]
        );
    }
    assert_eq!(site.ask(format!("{get}Content-Length: 65537\r\n\r\n{}", "x".repeat(65_537))), [413]);
    // The body comes apart from its head, and in pieces.
    let mut client = site.client();
    client.send(format!("{get}Content-Length: 20000\r\n\r\n"));
    assert_eq!(client.answer().status, 200);
    for _ in 0..4 {
        client.send([b'x'; 5000]);
        sleep(Duration::from_millis(5));
    }
    assert_eq!(client.get("/8192").body, bytes(8192));
}

#[test]
fn what_is_no_request_is_answered_with_what_is_wrong() {
    let site = Site::new(5);
    for (request, status) in [
        ("\0\x01\x02\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("GET /one\r\n\r\n", 400),
        ("GET /one HTTP/2.0\r\n\r\n", 505),
        ("GET /one HTTP/1.1\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET one HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost x\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 1\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET /one HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET /one HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("POST /one HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /%4 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET /one%00.txt HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ] {
        // No request after this one is answered.
        assert_eq!(site.ask(request), [status], "{request:?}");
    }
    let answer = site.client().send("PUT /one HTTP/1.1\r\nHost: x\r\n\r\n").answer();
    assert!(answer.head.contains("\r\nAllow: GET, HEAD\r\n") && answer.head.contains("\r\nConnection: close\r\n"));
    // A length that is given twice is one length.
    assert_eq!(site.ask("GET /one HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"), [200, 200]);
}

#[test]
fn a_connection_stays_as_both_sides_say() {
    let site = Site::new(5);
    for (line, keep) in [
        ("HTTP/1.1\r\nHost: x", true),
        ("HTTP/1.1\r\nHost: x\r\nConnection: close", false),
        ("HTTP/1.1\r\nHost: x\r\nconnection: x, CLOSE", false),
        ("HTTP/1.1\r\nHost: x\r\nConnection: closed", true),
        ("HTTP/1.0", false),
        ("HTTP/1.0\r\nConnection: Keep-Alive", true),
        ("HTTP/1.0\r\nConnection: keep-alive, close", false),
    ] {
        let mut client = site.client();
        let answer = client.send(format!("GET /one {line}\r\n\r\n")).answer();
        let says = answer.head.contains("\r\nConnection: keep-alive\r\n");
        assert_eq!((answer.status, says), (200, keep), "{line}");
        if keep {
            assert_eq!(client.get("/one").body, b"1", "{line}");
        } else {
            assert_eq!(client.rest(), b"", "{line}");
        }
    }
}

#[test]
fn nothing_outside_of_the_directory_is_found() {
    let site = Site::new(5);
    let dir = site.scratch.dir();
    symlink("100000", dir.join("site/inside")).unwrap();
    symlink("../secret", dir.join("site/outside")).unwrap();
    symlink(dir.join("secret"), dir.join("site/absolute")).unwrap();
    symlink("..", dir.join("site/up")).unwrap();
    symlink("loop", dir.join("site/loop")).unwrap();
    site.scratch.fifo("site/fifo");
    let absolute = format!("/{}", dir.join("secret").display());
    for path in [
        "/outside",
        "/absolute",
        "/up/secret",
        "/loop",
        "/fifo",
        "/sub",
        "/one/",
        "/none",
        &absolute,
        "//proc/self/root/etc/passwd",
    ] {
        assert_eq!(site.client().get(path).status, 404, "{path}");
    }
    for path in ["/../secret", "/..%2fsecret", "/%2e%2e/secret", "/sub/../../secret", "/sub/..", "/..", "/sub/../one"] {
        assert_eq!(site.client().get(path).status, 400, "{path}");
    }
    for (path, len) in [("/inside", 100_000), ("/./1", 1), ("/..1", 8192)] {
        if path == "/..1" {
            fs::copy(dir.join("site/8192"), dir.join("site/..1")).unwrap();
        }
        assert!(site.client().get(path).body == bytes(len), "{path}");
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let site = Site::new(5);
    let padded = |len: usize| {
        let start = "GET /one HTTP/1.1\r\nHost: x\r\nX: ";
        format!("{start}{}\r\n\r\n", "a".repeat(len - start.len() - 4))
    };
    assert_eq!(site.client().send(padded(8192)).answer().status, 200);
    assert_eq!(site.ask(padded(8193)), [431]);
    let lines = |count: usize| format!("GET /one HTTP/1.1\r\n{}Host: x\r\n\r\n", "X: 1\r\n".repeat(count - 1));
    assert_eq!(site.client().send(lines(64)).answer().status, 200);
    assert_eq!(site.ask(lines(65)), [431]);
    // The path is long by its slashes, since no name is that long. Its last name exists.
    let path = |len: usize| format!("/sub{}index.html", "/".repeat(len + 1 - 14));
    assert_eq!(site.client().get(&path(1023)).body, b"sub");
    assert_eq!(site.client().get(&path(1024)).status, 414);
    assert_eq!(site.client().get(&format!("/{}", "n".repeat(256))).status, 414);
}

#[test]
fn an_answer_is_not_lost_to_a_client_that_still_sends() {
    let site = Site::new(5);
    let close = "GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n";
    for (request, status) in [("BAD\r\n\r\n", 400), (close, 200)].repeat(10) {
        let mut client = site.client();
        client.send(request).send(vec![b'x'; 60_000]);
        assert_eq!(client.answer().status, status);
        // The connection ends at once, and is not reset.
        client.stream.set_read_timeout(Some(Duration::from_millis(800))).unwrap();
        assert_eq!(client.stream.read(&mut [0]).map_err(|error| error.kind()), Ok(0));
    }
}

#[test]
fn slow_clients_are_left() {
    let site = Site::new(1);
    let get = "GET /one HTTP/1.1\r\nHost: x\r\n";
    let begin = Instant::now();
    let mut clients = [(); 4].map(|()| site.client());
    clients[1].send("GET /one HT");
    clients[2].send(format!("{get}Content-Length: 100\r\n\r\nabc")).answer();
    clients[3].send(format!("{get}\r\n")).answer();
    for client in &mut clients {
        assert_eq!(client.rest(), b"");
        let took = begin.elapsed();
        assert!((900..3000).contains(&took.as_millis()), "{took:?}");
    }
    // Each piece comes in time, but there are too many of them.
    let mut drip = site.client();
    drip.stream.set_nodelay(true).unwrap();
    let sent = (0..200).find(|_| {
        sleep(Duration::from_millis(3));
        drip.stream.write_all(b"G").is_err()
    });
    assert!(sent.is_some_and(|sent| sent >= 60), "{sent:?}");
}

#[test]
fn a_client_that_never_reads_is_left() {
    let site = Site::new(1);
    let idle = site.server.files();
    File::create(site.scratch.path("site/sparse")).unwrap().set_len(64 << 20).unwrap();
    let mut client = site.client();
    client.send("GET /sparse HTTP/1.1\r\nHost: x\r\n\r\n");
    programs::until("the file is open", || site.server.files() > idle);
    assert_eq!(site.client().get("/one").body, b"1");
    site.server.settles(idle);
    assert!(client.rest().len() < 64 << 20);
}

#[test]
fn clients_that_leave_early_leave_nothing() {
    let site = Site::new(5);
    let idle = site.server.files();
    for number in 0..60 {
        let mut client = site.client();
        let request = b"GET /3000000 HTTP/1.1\r\nHost: x\r\n\r\n";
        match number % 3 {
            0 => {}
            1 => drop(client.send(&request[..20])),
            _ => drop(client.send(request)),
        }
        if number % 2 == 0 {
            rustix::net::sockopt::set_socket_linger(&client.stream, Some(Duration::ZERO)).unwrap();
        }
    }
    site.server.settles(idle);
    assert!(site.client().get("/3000000").body == bytes(3_000_000));
    site.server.settles(idle);
}

/// Makes a client that has read the head of an answer of 64 MiB, and has sent the request `ahead` behind the first one.
fn slow_reader(site: &Site, ahead: &str) -> Client {
    File::create(site.scratch.path("site/large")).unwrap().set_len(64 << 20).unwrap();
    let mut client = site.client();
    client.send(format!("GET /large HTTP/1.1\r\nHost: x\r\n\r\n{ahead}"));
    assert!(client.head().head.contains("\r\nContent-Length: 67108864\r\n"));
    client
}

#[test]
fn a_file_that_shrinks_ends_the_connection() {
    let site = Site::new(5);
    let mut client = slow_reader(&site, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
    OpenOptions::new().write(true).open(site.scratch.path("site/large")).unwrap().set_len(1000).unwrap();
    // Nothing follows that could be taken for the rest of the body.
    let rest = client.rest();
    assert!(rest.len() < 64 << 20 && rest.iter().all(|&byte| byte == 0), "{} bytes", rest.len());
}

#[test]
fn of_a_file_that_grows_comes_what_was_promised() {
    let site = Site::new(5);
    let mut client = slow_reader(&site, "");
    let file = OpenOptions::new().write(true).open(site.scratch.path("site/large")).unwrap();
    file.write_all_at(&[1; 100_000], 64 << 20).unwrap();
    client.send("GET /one HTTP/1.1\r\nHost: x\r\n\r\n").finish();
    let rest = client.rest();
    let (body, next) = rest.split_at(64 << 20);
    assert!(body.iter().all(|&byte| byte == 0), "more than was promised");
    assert!(next.starts_with(b"HTTP/1.1 200 OK\r\n") && next.ends_with(b"\r\n\r\n1"), "{}", next.len());
}

#[test]
fn a_crowd_is_served_and_the_next_ones_told_to_come_later() {
    let site = Site::new(10);
    let mut crowd: Vec<_> = (0..512).map(|_| site.client()).collect();
    for client in &mut crowd {
        assert_eq!(client.get("/one").body, b"1");
    }
    for _ in 0..3 {
        let mut late = site.client();
        let answer = late.answer();
        assert_eq!(answer.status, 503);
        assert!(answer.head.contains("\r\nRetry-After: 1\r\n"), "{}", answer.head);
        assert_eq!(late.rest(), b"");
    }
    drop(crowd.pop());
    programs::until("a place is free again", || {
        let mut client = site.client();
        client.stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut first = [0; 12];
        let _ = client.stream.write_all(b"GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
        client.stream.read_exact(&mut first).is_ok() && first == *b"HTTP/1.1 200"
    });
    for client in &mut crowd {
        assert_eq!(client.get("/one").body, b"1");
    }
}

#[test]
fn a_signal_ends_it_when_all_that_was_asked_is_answered() {
    for signal in [Signal::INT, Signal::TERM] {
        let site = Site::new(5);
        let mut idle = site.client();
        assert_eq!(idle.get("/one").body, b"1");
        let mut client = slow_reader(&site, "GET /one HTTP/1.1\r\nHost: x\r\n\r\n");
        site.server.signal(signal);
        sleep(Duration::from_millis(50));
        // The rest of this answer comes, and the answer to the request ahead, which is the last.
        let rest = client.rest().split_off(64 << 20);
        let last = String::from_utf8(rest).unwrap();
        assert!(last.contains("\r\nConnection: close\r\n") && last.ends_with("\r\n\r\n1"), "{last:?}");
        assert_eq!((site.server.end(), idle.rest()), (0, Vec::new()));
    }
}

#[test]
fn a_client_that_never_reads_does_not_keep_it() {
    let site = Site::new(60);
    let client = slow_reader(&site, "");
    let begin = Instant::now();
    site.server.signal(Signal::TERM);
    assert_eq!(site.server.end(), 0);
    let took = begin.elapsed();
    assert!((4500..9000).contains(&took.as_millis()), "5 s of grace: {took:?}");
    drop(client);
}

#[test]
fn arguments() {
    let scratch = Scratch::new();
    let http =
        |arguments: &[&str]| run(Command::new(program("runtime", "http")).args(arguments).current_dir(scratch.dir()));
    let usage = "usage: http [--patience SECONDS] DIRECTORY [PORT]\n";
    scratch.file("file", "");
    for wrong in [
        &[][..],
        &[".", "65536"],
        &[".", "x"],
        &[".", "0", "x"],
        &["--patience"],
        &["--patience", "0", "."],
        &["--patience", "65536", "."],
        &["--patience", "1"],
    ] {
        assert_eq!(http(wrong), Outcome::new(2, usage), "{wrong:?}");
    }
    let help = format!("{usage}Serves the files of DIRECTORY on 127.0.0.1:PORT.\n");
    assert_eq!(http(&["--help"]), Outcome { status: 0, out: help.into(), err: String::new() });
    assert_eq!(http(&["none"]), Outcome::new(1, "http: directory: ENOENT\n"));
    assert_eq!(http(&["file"]), Outcome::new(1, "http: directory: ENOTDIR\n"));
    let site = Site::new(5);
    assert_eq!(http(&[".", &site.server.port.to_string()]), Outcome::new(1, "http: listen: EADDRINUSE\n"));
    // The port is free again at once, though connections to it have just ended.
    let mut client = site.client();
    client.get("/one");
    let port = site.server.port;
    site.server.signal(Signal::TERM);
    assert_eq!(site.server.end(), 0);
    assert_eq!(client.rest(), b"");
    let again = Server::start(Command::new(program("runtime", "http")).arg(scratch.dir()).arg(port.to_string()));
    assert_eq!(again.port, port);
    let refused = std::net::TcpStream::connect((std::net::Ipv4Addr::new(127, 0, 0, 2), port)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "it listens on one address");
}
