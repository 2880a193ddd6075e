//! Operations on this machine's kernel without some of its requests: an entry of such a request reaches the kernel with
//! a number that no kernel knows, and the probe says that the request is missing, or is itself missing.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::task::Poll;
use std::time::{Duration, Instant};

use bare_uring::types::{
    AddressFamily, AtFlags, FallocateFlags, FileAdvice, FsyncFlags, MsgFlags, OpenFlags, OpenHow, RenameFlags,
    ResolveFlags, ShutdownHow, SocketType, SyncFileRangeFlags, Timespec, XattrFlags,
};
use bare_uring::{Builder, Errno, Linux, opcode};
use bare_uring_ops::{CURRENT, Driver, File, Missing, Outgoing, Request, Slab, SocketOption, Storage, Wait};
use linux_raw_sys::general::{O_CLOEXEC, O_CREAT, O_RDWR, RESOLVE_BENEATH};
use shared::{Bell, limit, poll};
use watched::{Answer, Watched};

#[path = "../shared/mod.rs"]
mod shared;
#[path = "../shared/watched.rs"]
mod watched;

const PATIENCE: Duration = Duration::from_secs(5);
const BUFFERS: usize = 4;

/// A number that no kernel knows.
const UNKNOWN: u8 = 0xfe;

/// Makes a driver on a kernel without these requests, which answers the probe like this.
fn without(lacks: &'static [u8], answer: Answer) -> Driver<Watched<Linux>> {
    limit(std::thread::current().name().unwrap_or("a test"));
    let slab = Box::leak(Box::new(Storage::<8, 16, BUFFERS, 64>::new())).start().expect("fresh");
    let kernel = Watched::new(Linux, |entry| {
        if lacks.contains(&entry[0]) {
            entry[0] = UNKNOWN;
        }
    });
    Driver::new(slab, kernel.answering(answer), &Builder::new(), 8).expect("io_uring")
}

/// Makes a driver on a kernel without these requests, whose probe says so.
macro_rules! without {
    ($($code:expr),*) => {
        without(&[$($code),*], Some(|opcode, supported| supported && ![$($code),*].contains(&opcode)))
    };
}

/// Shuts the driver down, in much less time than its patience, and fails unless every buffer and slot is free.
fn assert_all_is_back(driver: Driver<Watched<Linux>>) {
    let slab = driver.slab();
    let begin = Instant::now();
    assert_eq!(driver.shutdown(PATIENCE), Ok(()));
    assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
    let buffers: Vec<_> = std::iter::from_fn(|| slab.buffer()).take(BUFFERS + 1).collect();
    assert_eq!((slab.in_flight(), buffers.len()), (0, BUFFERS));
    let mut all: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    assert!(all.iter_mut().all(|operation| poll(operation, &Bell::new()).is_pending()), "a slot is taken");
}

fn adopt(slab: &'static Slab, fd: impl Into<std::os::fd::OwnedFd>) -> File {
    slab.adopt_owned(fd.into()).expect("a place")
}

/// Makes a TCP connection, of which one end is the slab's.
fn connection(slab: &'static Slab) -> (File, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    (adopt(slab, listener.accept().expect("accept").0), client)
}

#[test]
fn without_openat2_a_file_is_opened_by_openat() {
    let mut driver = without!(opcode::OpenAt2::CODE);
    let slab = driver.slab();
    let path = std::env::temp_dir().join(format!("bare-uring-ops-lacking-{}", std::process::id()));
    let name = std::ffi::CString::new(path.to_str().expect("text")).expect("no zero in it");
    let how = OpenHow::new().flags(OpenFlags(O_RDWR | O_CREAT)).mode(0o600);
    let file = driver.block_on(slab.open(None, &name, how)).expect("driver");
    std::fs::remove_file(&path).expect("it was created");
    let file = file.expect("open");
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).expect("fdinfo");
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim();
    let flags = u32::from_str_radix(flags, 8).expect("octal");
    assert_eq!(flags & (O_RDWR | O_CLOEXEC), O_RDWR | O_CLOEXEC);
    let stat = driver.block_on(slab.stat(&file)).expect("driver").expect("stat");
    assert_eq!(stat.stx_mode & 0o777, 0o600);
    // What only OPENAT2 can say is refused by its name.
    let beneath = slab.open(None, c".", how.resolve(ResolveFlags(RESOLVE_BENEATH)));
    assert_eq!(driver.block_on(beneath).expect("driver").err(), Some(Errno::EOPNOTSUPP));
    assert_eq!(slab.missing(&[Request::OPEN]), None);
    let missing = slab.missing(&[Request::OPEN_RESOLVED]).expect("it is missing");
    assert_eq!(missing.to_string(), "this kernel has no IORING_OP_OPENAT2 (Linux 5.6)");
    drop(file);
    assert_all_is_back(driver);
}

#[test]
fn without_links_a_limit_is_a_timer_beside_the_operation() {
    let mut driver = without!(opcode::LinkTimeout::CODE);
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    assert_eq!(slab.missing(&[Request::WITHIN]), None);
    // Twice, because the second operation has the slot of the first.
    for _ in 0..2 {
        let span = Duration::from_millis(30);
        let begin = Instant::now();
        let late = slab.receive(&server, slab.buffer().expect("one")).within(span);
        let (received, buffer) = driver.block_on(late).expect("driver");
        let took = begin.elapsed();
        assert_eq!((received, &*buffer), (Err(Errno::ETIME), &b""[..]));
        assert!(took >= span && took < PATIENCE, "{took:?}");
        client.write_all(b"x").expect("write");
        // This one ends before its time. Its timer must not outlive it.
        let soon = slab.receive(&server, buffer).within(Duration::from_secs(1000));
        let (received, buffer) = driver.block_on(soon).expect("driver");
        assert_eq!((received, &*buffer), (Ok(1), &b"x"[..]));
    }
    // One that is cancelled by its handle is not late.
    let mut cancelled = slab.receive(&server, slab.buffer().expect("one")).within(Duration::from_secs(1000));
    let bell = Bell::new();
    assert!(poll(&mut cancelled, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    cancelled.cancel();
    while bell.rings() == 0 {
        driver.turn(Wait::One).expect("turn");
    }
    assert!(matches!(poll(&mut cancelled, &bell), Poll::Ready((Err(Errno::ECANCELED), _))));
    drop((cancelled, server));
    assert_all_is_back(driver);
}

#[test]
fn an_operation_of_which_no_link_is_known_goes_on_beside_others() {
    let mut driver = without!(opcode::LinkTimeout::CODE);
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let spans = [20, 40, 60].map(Duration::from_millis);
    let mut late = spans.map(|span| slab.receive(&server, slab.buffer().expect("one")).within(span));
    let bells = [Bell::new(), Bell::new(), Bell::new()];
    for (operation, bell) in late.iter_mut().zip(&bells) {
        assert!(poll(operation, bell).is_pending());
    }
    let begin = Instant::now();
    for (turn, span) in spans.iter().enumerate() {
        while bells[turn].rings() == 0 {
            driver.turn(Wait::One).expect("turn");
        }
        assert!(begin.elapsed() >= *span);
        let (received, _) = match poll(&mut late[turn], &bells[turn]) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it was woken"),
        };
        assert_eq!(received, Err(Errno::ETIME));
    }
    client.write_all(b"whole").expect("write");
    let (received, buffer) = driver.block_on(slab.receive(&server, slab.buffer().expect("one"))).expect("driver");
    assert_eq!((received, &*buffer), (Ok(5), &b"whole"[..]));
    drop((buffer, late, server));
    assert_all_is_back(driver);
}

#[test]
fn without_links_and_cancellation_a_limit_is_refused() {
    let mut driver = without!(opcode::LinkTimeout::CODE, opcode::AsyncCancel::CODE);
    let slab = driver.slab();
    let (server, client) = connection(slab);
    let mut buffer = slab.buffer().expect("one");
    assert_eq!(buffer.extend(b"kept"), 4);
    let mut limited = slab.receive(&server, buffer).within(Duration::from_secs(1));
    // It is refused before the kernel is asked.
    let Poll::Ready((Err(Errno::EOPNOTSUPP), buffer)) = poll(&mut limited, &Bell::new()) else { panic!("it goes on") };
    assert_eq!((&*buffer, slab.in_flight()), (&b"kept"[..], 0));
    // Neither is what would be linked.
    assert_eq!(driver.block_on(slab.nop().then(slab.nop())), Ok((Err(Errno::EOPNOTSUPP), Err(Errno::ECANCELED))));
    let missing = slab.missing(&[Request::NOP, Request::WITHIN, Request::CANCEL]).expect("it is missing");
    assert_eq!(missing.to_string(), "this kernel has no IORING_OP_LINK_TIMEOUT (Linux 5.5)");
    // An operation whose handle is dropped can't be cancelled. It ends by itself, and gives all back.
    let mut dropped = slab.receive(&server, buffer);
    assert!(poll(&mut dropped, &Bell::new()).is_pending());
    driver.turn(Wait::No).expect("turn");
    drop(dropped);
    assert_eq!((driver.turn(Wait::For(Timespec::new(0, 20_000_000))), slab.in_flight()), (Ok(0), 1));
    drop(client);
    assert_eq!((driver.turn(Wait::One), slab.in_flight()), (Ok(1), 0));
    drop(server);
    assert_all_is_back(driver);
}

#[test]
fn a_limit_that_waits_for_a_driver_is_refused_by_it() {
    limit("a limit that waits for a driver");
    let slab = Box::leak(Box::new(Storage::<8, 8, BUFFERS, 64>::new())).start().expect("fresh");
    let bells = [Bell::new(), Bell::new()];
    let mut early = [slab.nop().within(PATIENCE), slab.nop()];
    let (mut chain, waits) = (slab.nop().then(slab.nop()), Bell::new());
    assert!(poll(&mut chain, &waits).is_pending());
    for (operation, bell) in early.iter_mut().zip(&bells) {
        assert!(poll(operation, bell).is_pending());
    }
    assert_eq!(slab.missing(Request::ALL), None, "nothing is known yet");
    let kernel = Watched::new(Linux, |_| ());
    let kernel =
        kernel.answering(Some(|opcode, _| opcode != opcode::LinkTimeout::CODE && opcode != opcode::Timeout::CODE));
    let mut driver = Driver::new(slab, kernel, &Builder::new(), 8).expect("io_uring");
    // The waker was called and dropped.
    assert_eq!((bells[0].rings(), bells[0].kept(), bells[1].rings()), (1, 0, 0));
    assert_eq!((waits.rings(), waits.kept()), (1, 0));
    assert_eq!(poll(&mut chain, &waits), Poll::Ready((Err(Errno::EOPNOTSUPP), Err(Errno::ECANCELED))));
    // It does not go to the kernel either, though it waited for that.
    driver.turn(Wait::One).expect("turn");
    let [limited, other] = &mut early;
    assert_eq!(poll(limited, &bells[0]), Poll::Ready(Err(Errno::EOPNOTSUPP)));
    assert_eq!(driver.block_on(other), Ok(Ok(0)));
    assert_all_is_back(driver);
}

/// Gives the buffers back, and keeps the outcome.
fn moved<B>((outcome, _): (Result<usize, Errno>, B)) -> Result<usize, Errno> {
    outcome
}

/// Makes each operation on bytes and paths once, and tells with which error it ended.
async fn of_files(slab: &'static Slab) -> Vec<(Request, Result<(), Errno>)> {
    let folder = std::env::temp_dir().join(format!("bare-uring-ops-lacking-of-{:?}", std::thread::current().id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a directory");
    std::fs::write(folder.join("one"), b"content").expect("write");
    let file = std::fs::File::options().read(true).write(true).open(folder.join("one")).expect("open");
    let (file, here) = (adopt(slab, file), adopt(slab, std::fs::File::open(&folder).expect("open")));
    let path = std::ffi::CString::new(folder.join("one").to_str().expect("text")).expect("no zero");
    let buffer = || {
        let mut buffer = slab.buffer().expect("one");
        assert_eq!(buffer.extend(b"text"), 4);
        buffer
    };
    // What the filesystem can't do is not what the kernel lacks. An attribute that is not there was looked for.
    let attribute = |outcome: Result<usize, Errno>| match outcome {
        Err(Errno::EOPNOTSUPP | Errno::ENODATA) => Ok(()),
        outcome => outcome.map(drop),
    };
    let (name, any, at) = (c"user.one", XattrFlags(0), Some(&here));
    let all = vec![
        (Request::READ_VECTORED, moved(slab.read_vectored(&file, [buffer()], 0).await).map(drop)),
        (Request::WRITE_VECTORED, moved(slab.write_vectored(&file, [buffer()], 0).await).map(drop)),
        // A regular file can't be waited for.
        (
            Request::READ_PIECES,
            match slab.read_pieces(&file).next().await {
                Some(Err(Errno::EBADFD)) => Ok(()),
                end => end.map_or(Ok(()), |end| end.map(drop)),
            },
        ),
        (Request::SYNC_FILE_RANGE, slab.sync_file_range(&file, 0, 0, SyncFileRangeFlags::WRITE).await.map(drop)),
        (Request::FALLOCATE, slab.fallocate(&file, FallocateFlags(0), 0, 1).await.map(drop)),
        (Request::FADVISE, slab.fadvise(&file, 0, 0, FileAdvice::NORMAL).await.map(drop)),
        (Request::FTRUNCATE, slab.ftruncate(&file, 7).await.map(drop)),
        (Request::MKDIR, slab.mkdir(at, c"inside", 0o700).await.map(drop)),
        (Request::SYMLINK, slab.symlink(c"one", at, c"soft").await.map(drop)),
        (Request::LINK, slab.link(at, c"one", at, c"hard", AtFlags(0)).await.map(drop)),
        (Request::RENAME, slab.rename(at, c"one", at, c"one", RenameFlags(0)).await.map(drop)),
        (Request::FSETXATTR, attribute(moved(slab.fsetxattr(&file, name, buffer(), any).await))),
        (Request::FGETXATTR, attribute(moved(slab.fgetxattr(&file, name, buffer()).await))),
        (Request::SETXATTR, attribute(moved(slab.setxattr(&path, name, buffer(), any).await))),
        (Request::GETXATTR, attribute(moved(slab.getxattr(&path, name, buffer()).await))),
        (Request::UNLINK, slab.unlink(at, c"one", AtFlags(0)).await.map(drop)),
        (Request::PIPE, slab.pipe(OpenFlags(0)).await.map(drop)),
    ];
    std::fs::remove_dir_all(&folder).expect("remove");
    all
}

/// Makes each operation once, and tells with which error it ended.
fn outcomes(driver: &mut Driver<Watched<Linux>>) -> Vec<(Request, Result<(), Errno>)> {
    let slab = driver.slab();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listen");
    let address = listener.local_addr().expect("address");
    let listener = adopt(slab, listener);
    let (socket, mut client) = connection(slab);
    client.write_all(b"some").expect("write");
    let (plain, file) = (std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind"), "Cargo.toml");
    // A datagram that can be received whatever the kernel lacks.
    plain.send_to(b"some", plain.local_addr().expect("address")).expect("send");
    let plain = adopt(slab, plain);
    let file = adopt(slab, std::fs::File::open(file).expect("open"));
    let other = adopt(slab, std::fs::File::options().write(true).open("/dev/null").expect("open"));
    let extra = adopt(slab, std::fs::File::open("/dev/null").expect("open"));
    let buffer = || {
        let mut buffer = slab.buffer().expect("one");
        assert_eq!(buffer.extend(b"text"), 4);
        buffer
    };
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    driver
        .block_on(async {
            let mut all = vec![
                (Request::READ, slab.read(&file, buffer(), CURRENT).await.0.map(drop)),
                (Request::WRITE, slab.write(&other, buffer(), CURRENT).await.0.map(drop)),
                (Request::FSYNC, slab.fsync(&file, FsyncFlags::empty()).await.map(drop)),
                (Request::OPEN, slab.open(None, c"Cargo.toml", OpenHow::new()).await.map(drop)),
                (Request::STAT, slab.stat(&file).await.map(drop)),
                (Request::CONNECT, slab.connect(&plain, address).await.map(drop)),
                (Request::SET_OPTION, slab.set_option(&socket, SocketOption::REUSE_ADDRESS, true).await.map(drop)),
                (Request::RECEIVE, slab.receive(&socket, buffer()).await.0.map(drop)),
                (Request::SEND, slab.send(&socket, buffer()).await.0.map(drop)),
                (Request::NOP, slab.nop().await.map(drop)),
                (Request::CLOSE, slab.close(extra).await),
                (Request::WITHIN, slab.nop().within(PATIENCE).await.map(drop)),
            ];
            let (sent, _) = slab.send_message(&socket, buffer(), Outgoing::new()).await;
            all.push((Request::SEND_MESSAGE, sent.map(drop)));
            let (sent, _) = slab.send_zero_copy(&socket, buffer(), MsgFlags(0)).await;
            all.push((Request::SEND_ZERO_COPY, sent.map(drop)));
            let (received, _) = slab.receive_from(&plain, buffer(), MsgFlags(0)).await;
            all.push((Request::RECEIVE_MESSAGE, received.map(drop)));
            all.push((Request::SHUTDOWN, slab.shutdown(&socket, ShutdownHow::WRITE).await.map(drop)));
            let made = slab.socket(AddressFamily::INET, SocketType::STREAM, 0).await;
            all.push((Request::SOCKET, made.as_ref().map(drop).map_err(|&errno| errno)));
            if let Ok(made) = made {
                all.push((Request::BIND, slab.bind(&made, any).await.map(drop)));
                all.push((Request::LISTEN, slab.listen(&made, 1).await.map(drop)));
            }
            let client = TcpStream::connect(address).expect("connect");
            all.push((Request::ACCEPT, slab.accept(&listener).await.map(drop)));
            drop(client);
            let pause = slab.timeout(Timespec::new(0, 1)).await;
            all.extend(of_files(slab).await);
            // For a pause, `ETIME` is no failure.
            all.push((Request::TIMEOUT, if pause == Err(Errno::ETIME) { Ok(()) } else { pause.map(drop) }));
            all
        })
        .expect("driver")
}

/// Fails unless the operations that the kernel lacks are refused and named, and all others work.
fn assert_refused(mut driver: Driver<Watched<Linux>>, lacks: &[Request]) {
    let slab = driver.slab();
    for (request, outcome) in outcomes(&mut driver) {
        if request == Request::WITHIN && lacks == [Request::NOP] {
            // It is the nop that was limited.
            continue;
        }
        let missing = slab.missing(&[request]).map(Missing::request);
        if lacks.contains(&request) {
            assert_eq!((outcome, missing), (Err(Errno::EINVAL), Some(request)));
        } else {
            assert_eq!((outcome, missing), (Ok(()), None), "{request:?}");
        }
    }
    assert_all_is_back(driver);
}

#[test]
fn each_operation_works_or_is_refused_and_named() {
    /// The probe says so, and then there is no probe.
    macro_rules! lacking {
        ($($request:ident: $($code:ident),+;)*) => {$(
            assert_refused(without!($(opcode::$code::CODE),+), &[Request::$request]);
            assert_refused(without(&[$(opcode::$code::CODE),+], None), &[Request::$request]);
        )*};
    }

    let full = without(&[], None);
    if let Some(missing) = full.slab().missing(Request::ALL) {
        return println!("skipped: {missing}");
    }
    assert_refused(full, &[]);
    assert_refused(without!(), &[]);
    // What has no zero copy is copied.
    assert_refused(without!(opcode::SendZc::CODE), &[]);
    assert_refused(without(&[opcode::SendZc::CODE], None), &[]);
    assert_refused(without!(opcode::SendZc::CODE, opcode::Send::CODE), &[Request::SEND, Request::SEND_ZERO_COPY]);
    lacking! {
        READ: Read;
        WRITE: Write;
        READ_VECTORED: Readv;
        WRITE_VECTORED: Writev;
        READ_PIECES: ReadMulti;
        FSYNC: Fsync;
        SYNC_FILE_RANGE: SyncFileRange;
        FALLOCATE: Fallocate;
        FADVISE: Fadvise;
        FTRUNCATE: Ftruncate;
        CLOSE: Close;
        OPEN: OpenAt2, OpenAt;
        STAT: Statx;
        RENAME: RenameAt;
        LINK: LinkAt;
        SYMLINK: SymlinkAt;
        UNLINK: UnlinkAt;
        MKDIR: MkDirAt;
        FSETXATTR: FSetXattr;
        SETXATTR: SetXattr;
        FGETXATTR: FGetXattr;
        GETXATTR: GetXattr;
        PIPE: Pipe;
        CONNECT: Connect;
        SET_OPTION: SetSockOpt;
        RECEIVE: Recv;
        SEND: Send;
        SEND_MESSAGE: SendMsg;
        RECEIVE_MESSAGE: RecvMsg;
        SHUTDOWN: Shutdown;
        NOP: Nop;
        SOCKET: Socket;
        BIND: Bind;
        LISTEN: Listen;
        ACCEPT: Accept;
        TIMEOUT: Timeout;
    }
}
