//! What each operation asks the kernel for, field by field of its entry.

mod files;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bare_uring::types::{
    AddressFamily, FsyncFlags, MsgFlags, OpenFlags, OpenHow, RawFd, ShutdownHow, SocketType, Timespec,
};
use bare_uring::{Builder, Errno, opcode, uapi};
use bare_uring_ops::{
    CURRENT, Clock, Driver, File, Kind, Missing, Op, Outgoing, Request, Slab, SocketOption, Storage, Wait,
};
use bare_uring_sim::{Profile, SimKernel};
use linux_raw_sys::general::{AT_EMPTY_PATH, O_CLOEXEC, O_CREAT, STATX_BASIC_STATS};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};
use crate::watched::{Bytes, Watched};

/// The fields of `struct io_uring_sqe` that are numbers. Addresses point into the slab; tests that run the operations
/// show that they are right.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields {
    opcode: u8,
    flags: u8,
    ioprio: u16,
    fd: i32,
    off: u64,
    /// `addr` of the requests for which it is a length.
    addr: u64,
    len: u32,
    op_flags: u32,
    buffer: u16,
    file_index: u32,
}

impl Fields {
    fn of(entry: &Bytes) -> Self {
        let bytes = |at: usize| entry[at..].iter().copied();
        let word = |at| u32::from_ne_bytes(std::array::from_fn(|byte| bytes(at).nth(byte).expect("within")));
        let half = |at| u16::from_ne_bytes(std::array::from_fn(|byte| bytes(at).nth(byte).expect("within")));
        Self {
            opcode: entry[0],
            flags: entry[1],
            ioprio: half(2),
            fd: word(4).cast_signed(),
            off: u64::from_ne_bytes(std::array::from_fn(|byte| entry[8 + byte])),
            addr: if [opcode::Fallocate::CODE, opcode::Fadvise::CODE].contains(&entry[0]) {
                u64::from_ne_bytes(std::array::from_fn(|byte| entry[16 + byte]))
            } else {
                0
            },
            len: word(24),
            op_flags: word(28),
            buffer: half(40),
            file_index: word(44),
        }
    }
}

struct Scene {
    kernel: SimKernel,
    slab: &'static Slab,
    driver: Driver<Watched<SimKernel>>,
    seen: Rc<RefCell<Vec<Fields>>>,
    file: File,
    /// The far end of the file, which is a socket.
    far: RawFd,
}

impl Scene {
    fn new() -> Self {
        // The simulated kernel opens no files by path, but what it is asked for can be seen.
        Self::answering(|opcode, supported| supported || opcode == opcode::OpenAt2::CODE)
    }

    /// Makes a scene on a kernel whose probe answers like this.
    fn answering(answer: fn(u8, bool) -> bool) -> Self {
        limit_this_test();
        let kernel = SimKernel::new(Profile::linux(6, 12), 1);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let slab = Box::leak(Box::new(Storage::<4, 4, 4, 64>::new())).start().expect("fresh");
        let seeing = seen.clone();
        let watched = Watched::new(kernel.clone(), move |entry| seeing.borrow_mut().push(Fields::of(entry)));
        let watched = watched.answering(Some(answer));
        let driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
        let (near, far) = kernel.socket_pair();
        let file = adopt(slab, near);
        Self { kernel, slab, driver, seen, file, far }
    }

    /// Adopts one more file.
    fn adopted(&self) -> File {
        adopt(self.slab, self.kernel.pipe().0)
    }

    /// Turns often enough for everything to happen.
    fn turns(&mut self) {
        for _ in 0..20 {
            self.driver.turn(Wait::For(Timespec::new(0, 1000))).expect("turn");
        }
    }

    /// Returns what is pushed for an operation.
    fn entries<T: Kind>(&mut self, mut operation: Op<T>) -> Vec<Fields> {
        assert!(poll(&mut operation, &Bell::new()).is_pending());
        self.driver.turn(Wait::No).expect("turn");
        let seen = self.seen.take();
        drop(operation);
        while self.slab.in_flight() > 0 || self.driver.turn(Wait::No).expect("turn") > 0 {
            self.driver.turn(Wait::For(Timespec::new(0, 1000))).expect("turn");
        }
        self.seen.take();
        seen
    }

    fn entry<T: Kind>(&mut self, operation: Op<T>) -> Fields {
        let [entry] = <[Fields; 1]>::try_from(self.entries(operation)).expect("one");
        entry
    }
}

/// Makes a buffer with a window of 5 bytes after 3 that are used up, and 56 of room.
fn buffer(slab: &'static Slab) -> bare_uring_ops::Buffer {
    let mut buffer = slab.buffer().expect("one");
    assert_eq!(buffer.extend(b"...hello"), 8);
    buffer.consume(3);
    buffer
}

#[test]
fn transfers_name_the_room_or_the_window() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let far = u64::from(u32::MAX) + 7;
    let entry = scene.entry(slab.read(&file, buffer(slab), far));
    assert_eq!(entry, Fields { opcode: opcode::Read::CODE, fd, off: far, len: 56, ..Fields::default() });
    let entry = scene.entry(slab.read(&file, buffer(slab), CURRENT));
    assert_eq!(entry, Fields { opcode: opcode::Read::CODE, fd, off: u64::MAX, len: 56, ..Fields::default() });
    let entry = scene.entry(slab.write(&file, buffer(slab), far));
    assert_eq!(entry, Fields { opcode: opcode::Write::CODE, fd, off: far, len: 5, ..Fields::default() });
    let entry = scene.entry(slab.receive(&file, buffer(slab)));
    assert_eq!(entry, Fields { opcode: opcode::Recv::CODE, fd, len: 56, ..Fields::default() });
    let entry = scene.entry(slab.send(&file, buffer(slab)));
    assert_eq!(entry, Fields { opcode: opcode::Send::CODE, fd, len: 5, ..Fields::default() });
}

#[test]
fn files_are_asked_for_what_the_caller_says() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let entry = scene.entry(slab.fsync(&file, FsyncFlags::DATASYNC));
    let op_flags = FsyncFlags::DATASYNC.bits();
    assert_eq!(entry, Fields { opcode: opcode::Fsync::CODE, fd, op_flags, ..Fields::default() });
    let entry = scene.entry(slab.ftruncate(&file, u64::MAX >> 1));
    assert_eq!(entry, Fields { opcode: opcode::Ftruncate::CODE, fd, off: u64::MAX >> 1, ..Fields::default() });
    let how = size_of::<OpenHow>() as u32;
    let (opcode, off) = (opcode::OpenAt2::CODE, 0);
    for (directory, fd) in [(None, -100), (Some(&file), fd)] {
        let entry = scene.entry(slab.open(directory, c"path", OpenHow::new()));
        assert_eq!(Fields { off, ..entry }, Fields { opcode, fd, len: how, ..Fields::default() });
    }
    let entry = scene.entry(slab.stat(&file));
    let (opcode, len, op_flags) = (opcode::Statx::CODE, STATX_BASIC_STATS, AT_EMPTY_PATH);
    assert_eq!(Fields { off, ..entry }, Fields { opcode, fd, len, op_flags, ..Fields::default() });
}

#[test]
fn openat_is_asked_for_what_openat2_would_be() {
    let mut scene = Scene::answering(|opcode, _| opcode != opcode::OpenAt2::CODE);
    let (slab, file) = (scene.slab, scene.file.clone());
    let how = OpenHow::new().flags(OpenFlags(O_CREAT)).mode(0o640);
    let (opcode, op_flags) = (opcode::OpenAt::CODE, O_CREAT | O_CLOEXEC);
    for (directory, fd) in [(None, -100), (Some(&file), file.as_raw_fd())] {
        let entry = scene.entry(slab.open(directory, c"path", how));
        assert_eq!(entry, Fields { opcode, fd, len: 0o640, op_flags, ..Fields::default() });
    }
    // The path's buffer is free again, and nothing is asked for what OPENAT can't say.
    let mut strict = slab.open(None, c"path", OpenHow { resolve: 1, ..how });
    assert!(matches!(poll(&mut strict, &Bell::new()), Poll::Ready(Err(Errno::EOPNOTSUPP))));
    assert_eq!(
        slab.missing(&[Request::OPEN, Request::OPEN_RESOLVED]).map(Missing::request),
        Some(Request::OPEN_RESOLVED)
    );
    let buffers: Vec<_> = std::iter::from_fn(|| slab.buffer()).take(5).collect();
    assert_eq!(buffers.len(), 4);
}

#[test]
fn sockets_are_asked_for_what_the_caller_says() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let none = Fields::default;
    let entry = scene.entry(slab.socket(AddressFamily::INET6, SocketType::DGRAM, 17));
    // The family, the type with its flags, and the protocol.
    let (opcode, off) = (opcode::Socket::CODE, u64::from(2 | O_CLOEXEC));
    assert_eq!(entry, Fields { opcode, fd: 10, off, len: 17, ..none() });
    let entry = scene.entry(slab.listen(&file, 77));
    assert_eq!(entry, Fields { opcode: opcode::Listen::CODE, fd, len: 77, ..none() });
    for how in [ShutdownHow::READ, ShutdownHow::WRITE, ShutdownHow::BOTH] {
        let entry = scene.entry(slab.shutdown(&file, how));
        assert_eq!(entry, Fields { opcode: opcode::Shutdown::CODE, fd, len: how.0, ..none() });
    }
    let entry = scene.entry(slab.accept(&file));
    assert_eq!(entry, Fields { opcode: opcode::Accept::CODE, fd, op_flags: O_CLOEXEC, ..none() });
    let entry = scene.entry(slab.accept_from(&file));
    assert_ne!(entry.off, 0, "the address of the length");
    assert_eq!(Fields { off: 0, ..entry }, Fields { opcode: opcode::Accept::CODE, fd, op_flags: O_CLOEXEC, ..none() });
    let v4 = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let v6 = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 1));
    for (address, off) in [(v4, 16), (v6, 28)] {
        let entry = scene.entry(slab.bind(&file, address));
        assert_eq!(entry, Fields { opcode: opcode::Bind::CODE, fd, off, ..none() });
        let entry = scene.entry(slab.connect(&file, address));
        assert_eq!(entry, Fields { opcode: opcode::Connect::CODE, fd, off, ..none() });
    }
}

#[test]
fn commands_of_sockets_say_which_they_are() {
    /// Puts two numbers of 32 bits in the place of one of 64.
    fn pair(first: u32) -> u64 {
        let ([a, b, c, d], rest) = (first.to_ne_bytes(), 0);
        u64::from_ne_bytes([a, b, c, d, rest, rest, rest, rest])
    }

    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    // The command is in the first half of the offset, the length of the value where a registered file would be.
    let command = |command, file_index| {
        let opcode = opcode::SetSockOpt::CODE;
        Fields { opcode, fd: file.as_raw_fd(), off: pair(command), file_index, ..Fields::default() }
    };
    let entry = scene.entry(slab.set_option(&file, SocketOption::NO_DELAY, true));
    assert_eq!(entry, command(3, 4));
    let entry = scene.entry(slab.set_option(&file, SocketOption::LINGER, None));
    assert_eq!(entry, command(3, 8));
    let entry = scene.entry(slab.option(&file, SocketOption::ERROR));
    assert_eq!(entry, command(2, 4));
    let entry = scene.entry(slab.option(&file, SocketOption::PEER_CREDENTIALS));
    assert_eq!(entry, command(2, 12));
    let entry = scene.entry(slab.own_address(&file));
    assert_eq!(entry, command(5, 0));
    let entry = scene.entry(slab.peer_address(&file));
    assert_eq!(entry, command(5, 1));
}

#[test]
fn messages_and_flags_are_what_the_caller_says() {
    /// `MSG_CMSG_CLOEXEC`.
    const CLOSE_ON_EXEC: u32 = 0x4000_0000;

    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let (send, receive) = (MsgFlags::MORE.with(MsgFlags::EOR), MsgFlags::PEEK.with(MsgFlags::TRUNC));
    let entry = scene.entry(slab.send_with(&file, buffer(slab), send));
    assert_eq!(entry, Fields { opcode: opcode::Send::CODE, fd, len: 5, op_flags: send.0, ..Fields::default() });
    let entry = scene.entry(slab.receive_with(&file, buffer(slab), receive));
    assert_eq!(entry, Fields { opcode: opcode::Recv::CODE, fd, len: 56, op_flags: receive.0, ..Fields::default() });
    let entry = scene.entry(slab.send_zero_copy(&file, buffer(slab), send));
    // Linux 6.12 has it.
    assert_eq!(entry, Fields { opcode: opcode::SendZc::CODE, fd, len: 5, op_flags: send.0, ..Fields::default() });
    let entry = scene.entry(slab.send_message(&file, buffer(slab), Outgoing::new().flags(send)));
    assert_eq!(entry, Fields { opcode: opcode::SendMsg::CODE, fd, len: 1, op_flags: send.0, ..Fields::default() });
    let op_flags = receive.0 | CLOSE_ON_EXEC;
    let message = Fields { opcode: opcode::RecvMsg::CODE, fd, len: 1, op_flags, ..Fields::default() };
    let entry = scene.entry(slab.receive_from(&file, buffer(slab), receive));
    assert_eq!(entry, message);
    let entry = scene.entry(slab.receive_message(&file, buffer(slab), receive, 1));
    assert_eq!(entry, message);
}

#[test]
fn without_zero_copy_a_send_copies() {
    let mut scene = Scene::answering(|opcode, supported| supported && opcode != opcode::SendZc::CODE);
    let (slab, file) = (scene.slab, scene.file.clone());
    let entry = scene.entry(slab.send_zero_copy(&file, buffer(slab), MsgFlags::MORE));
    let fd = file.as_raw_fd();
    let op_flags = MsgFlags::MORE.0;
    assert_eq!(entry, Fields { opcode: opcode::Send::CODE, fd, len: 5, op_flags, ..Fields::default() });
    assert_eq!(slab.missing(&[Request::SEND_ZERO_COPY]), None);
}

/// The timeout that counts time for limits.
fn tick() -> Fields {
    Fields { opcode: opcode::Timeout::CODE, fd: -1, len: 1, ..Fields::default() }
}

fn nop() -> Fields {
    Fields { opcode: opcode::Nop::CODE, ..Fields::default() }
}

#[test]
fn a_limit_costs_an_entry_only_if_no_other_of_its_length_runs() {
    let mut scene = Scene::new();
    let slab = scene.slab;
    assert_eq!(scene.entries(slab.nop().within(Timespec::new(1, 0))), [nop(), tick()]);
    // The timeout of the first runs still.
    for _ in 0..3 {
        assert_eq!(scene.entries(slab.nop().within(Timespec::new(1, 0))), [nop()]);
    }
    assert_eq!(scene.entries(slab.nop().within(Timespec::new(3, 0))), [nop(), tick()]);
    // An operation that has started gets no limit any more.
    let mut late = slab.nop();
    assert!(poll(&mut late, &Bell::new()).is_pending());
    assert_eq!(scene.entries(late.within(Timespec::new(100, 0))), [nop()]);
    assert_eq!(scene.entry(slab.timeout(Timespec::new(0, 1))), tick());
}

#[test]
fn what_is_late_is_cancelled_after_its_span_and_soon_after() {
    for lacks in [0, opcode::LinkTimeout::CODE] {
        let mut scene = match lacks {
            0 => Scene::new(),
            _ => Scene::answering(|opcode, _| opcode != opcode::LinkTimeout::CODE),
        };
        let (slab, file, bell) = (scene.slab, scene.file.clone(), Bell::new());
        let mut late = slab.receive(&file, buffer(slab)).within(Timespec::new(0, 1_000_000));
        let begin = scene.kernel.now();
        assert!(poll(&mut late, &bell).is_pending());
        // One turn waits for the whole time, and brings the completions of the operation and of its cancellation.
        let mut taken = 0;
        while taken < 2 {
            let count = scene.driver.turn(Wait::One).expect("turn");
            assert!(count > 0, "the turn ended with a tick");
            taken += count;
        }
        let took = scene.kernel.now() - begin;
        assert!(took >= Duration::from_millis(1) && took < Duration::from_micros(1_100), "{took:?}");
        assert!(matches!(poll(&mut late, &bell), Poll::Ready((Err(Errno::ETIME), _))));
        let receive = Fields { opcode: opcode::Recv::CODE, fd: file.as_raw_fd(), len: 56, ..Fields::default() };
        let cancel = Fields { opcode: opcode::AsyncCancel::CODE, fd: -1, ..Fields::default() };
        let mut expected = vec![receive];
        // Sixteen ticks of 65,536 ns are the first that are a millisecond.
        expected.extend((0..16).map(|_| tick()));
        expected.push(cancel);
        assert_eq!(scene.seen.take(), expected);
        // Nothing counts time for nobody.
        assert_eq!(scene.driver.turn(Wait::One), Ok(0));
        assert_eq!(scene.seen.take(), []);
    }
}

#[test]
fn a_deadline_costs_an_entry_only_if_no_earlier_one_runs() {
    for (clock, flag) in [(Clock::Monotonic, 0), (Clock::Boottime, 4), (Clock::Realtime, 8)] {
        let mut scene = Scene::new();
        let slab = scene.slab;
        // `IORING_TIMEOUT_ABS` is 1.
        let timeout = || Fields { op_flags: 1 | flag, ..tick() };
        let at = |seconds: i64| Timespec::new(100_000 + seconds, 0);
        assert_eq!(scene.entries(slab.nop().until(clock, at(5))), [nop(), timeout()]);
        for seconds in 5..8_i64 {
            assert_eq!(scene.entries(slab.nop().until(clock, at(seconds))), [nop()]);
        }
        assert_eq!(scene.entries(slab.nop().until(clock, at(4))), [nop(), timeout()]);
        assert_eq!(scene.entry(slab.timeout_at(clock, at(0))), timeout());
    }
}

#[test]
fn a_limit_is_linked_to_its_operation_where_it_can_not_be_counted() {
    for lacks in [opcode::Timeout::CODE, opcode::AsyncCancel::CODE] {
        let mut scene = match lacks {
            opcode::Timeout::CODE => Scene::answering(|opcode, _| opcode != opcode::Timeout::CODE),
            _ => Scene::answering(|opcode, _| opcode != opcode::AsyncCancel::CODE),
        };
        let slab = scene.slab;
        let head = Fields { flags: uapi::IOSQE_IO_LINK, ..nop() };
        let limit = Fields { opcode: opcode::LinkTimeout::CODE, ..tick() };
        assert_eq!(scene.entries(slab.nop().within(Timespec::new(1, 0))), [head, limit]);
        let [head, limit] = [
            Fields { flags: uapi::IOSQE_IO_LINK, ..nop() },
            Fields { opcode: opcode::LinkTimeout::CODE, op_flags: 9, ..tick() },
        ];
        assert_eq!(scene.entries(slab.nop().until(Clock::Realtime, Timespec::new(1 << 40, 0))), [head, limit]);
        // A command in a chain is copied while its entry is consumed.
        let file = scene.file.clone();
        let option = slab.set_option(&file, SocketOption::NO_DELAY, true);
        let [ref head, ref limit] = *scene.entries(option.within(Timespec::new(1, 0))) else {
            panic!("not two entries")
        };
        let flags = uapi::IOSQE_IO_LINK | uapi::IOSQE_ASYNC;
        assert_eq!(
            (head.opcode, head.flags, limit.opcode),
            (opcode::SetSockOpt::CODE, flags, opcode::LinkTimeout::CODE)
        );
    }
}
