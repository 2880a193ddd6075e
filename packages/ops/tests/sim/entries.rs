//! What each operation asks the kernel for, field by field of its entry.

mod files;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Poll;

use bare_uring::types::{AddressFamily, FsyncFlags, OpenFlags, OpenHow, RawFd, ShutdownHow, SocketType, Timespec};
use bare_uring::{Builder, Errno, opcode, uapi};
use bare_uring_ops::{CURRENT, Driver, File, Kind, Missing, Op, Request, Slab, Storage, Wait};
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
    slab: &'static Slab,
    driver: Driver<Watched<SimKernel>>,
    seen: Rc<RefCell<Vec<Fields>>>,
    file: File,
    kernel: SimKernel,
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
        Self { slab, driver, seen, file, kernel, far }
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
fn without_links_a_timer_runs_beside_the_operation() {
    let mut scene = Scene::answering(|opcode, _| opcode != opcode::LinkTimeout::CODE);
    let (slab, file, bell) = (scene.slab, scene.file.clone(), Bell::new());
    let timer = || Fields { opcode: opcode::Timeout::CODE, fd: -1, len: 1, ..Fields::default() };
    let cancel = || Fields { opcode: opcode::AsyncCancel::CODE, fd: -1, ..Fields::default() };
    // When the operation has ended, its timer is cancelled.
    let mut soon = slab.nop().within(Timespec::new(1, 0));
    assert!(poll(&mut soon, &bell).is_pending());
    scene.turns();
    let nop = Fields { opcode: opcode::Nop::CODE, ..Fields::default() };
    assert_eq!(scene.seen.take(), [nop, timer(), cancel()]);
    assert_eq!(poll(&mut soon, &bell), Poll::Ready(Ok(0)));
    // When the timer has ended, the operation is cancelled, and the timer is not.
    let mut late = slab.receive(&file, buffer(slab)).within(Timespec::new(0, 1000));
    assert!(poll(&mut late, &bell).is_pending());
    scene.turns();
    let receive = Fields { opcode: opcode::Recv::CODE, fd: file.as_raw_fd(), len: 56, ..Fields::default() };
    assert_eq!(scene.seen.take(), [receive, timer(), cancel()]);
    assert!(matches!(poll(&mut late, &bell), Poll::Ready((Err(Errno::ETIME), _))));
}

#[test]
fn a_limit_is_linked_to_its_operation() {
    let mut scene = Scene::new();
    let slab = scene.slab;
    let link = uapi::IOSQE_IO_LINK;
    let limited = slab.nop().within(Timespec::new(1, 0));
    let nop = Fields { opcode: opcode::Nop::CODE, flags: link, ..Fields::default() };
    let limit = Fields { opcode: opcode::LinkTimeout::CODE, fd: -1, len: 1, ..Fields::default() };
    assert_eq!(scene.entries(limited), [nop, limit]);
    // An operation that has started gets no limit any more.
    let mut late = slab.nop();
    assert!(poll(&mut late, &Bell::new()).is_pending());
    let nop = Fields { opcode: opcode::Nop::CODE, ..Fields::default() };
    assert_eq!(scene.entries(late.within(Timespec::new(1, 0))), [nop]);
    let timeout = Fields { opcode: opcode::Timeout::CODE, fd: -1, len: 1, ..Fields::default() };
    assert_eq!(scene.entry(slab.timeout(Timespec::new(0, 1))), timeout);
}
