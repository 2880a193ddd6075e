//! One seed: a kernel, a slab on it, and a user who does anything that safe code can do.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bare_uring::types::{FsyncFlags, RawFd, ShutdownHow, Timespec};
use bare_uring::{Builder, Errno, Features};
use bare_uring_ops::{Buffer, CURRENT, Done, Driver, File, Group, Made, Moved, Op, Slab, Storage, Stream, Wait};
use bare_uring_sim::{Chaos, Profile, Random, SimKernel, Waits};

use crate::books::{Held, Tally, after, is_run, run};

const SLOTS: usize = 12;
const FILES: usize = 12;
const BUFFERS: usize = 8;
const SIZE: usize = 48;

type Memory = Storage<SLOTS, FILES, BUFFERS, SIZE>;
type Provided = Group<4, 32>;

/// An operation that the test holds, and what it expects of it.
enum Running {
    Plain(Op<Done>),
    /// With what the buffer's window was, and whether it is to be filled.
    Moved(Op<Moved>, Vec<u8>, bool),
    Made(Op<Made>),
    Accepts(Stream<File>),
    Pieces(Stream<Buffer>),
}

/// What will never come back.
#[derive(Default)]
struct Lost {
    slots: usize,
    buffers: usize,
    /// An operation or a file was forgotten: places in the table of files may be lost.
    files: bool,
    /// A stream of provided buffers, or such a buffer, was forgotten.
    any: bool,
}

struct Play {
    random: Random,
    kernel: SimKernel,
    slab: &'static Slab,
    /// And whether its end was asked for: none ends as cancelled by itself.
    running: Vec<(Running, bool)>,
    held: Vec<Held>,
    files: Vec<File>,
    listener: RawFd,
    /// The other ends, and the next byte that each writes, so that what it writes is one run.
    far: Vec<(RawFd, u8)>,
    /// Its content is a run, and is only read.
    content: RawFd,
    lost: Lost,
    tally: Tally,
    /// The kernel lies: no result means anything, but memory is as safe as ever.
    hostile: bool,
    /// It is a Linux, which knows all that a turn asks for.
    linux: bool,
}

pub fn play(seed: u64) -> Tally {
    let memory = Box::into_raw(Box::new(Memory::new()));
    let provided = Box::into_raw(Box::new(Provided::new()));
    // SAFETY: it is freed at the end of this function only.
    let lent_memory = unsafe { &*memory };
    // SAFETY: the same.
    let lent_provided = unsafe { &*provided };
    let tally = play_in(seed, lent_memory, lent_provided);
    // SAFETY: the kernel was dropped, or belongs to a driver that was forgotten and does nothing without a call: it writes
    // nowhere any more. Every handle was dropped as well, or forgotten, and is never used.
    drop(unsafe { Box::from_raw(memory) });
    // SAFETY: the same.
    drop(unsafe { Box::from_raw(provided) });
    tally
}

fn play_in(seed: u64, memory: &'static Memory, provided: &'static Provided) -> Tally {
    let mut random = Random::new(seed);
    let hostile = random.chance(1, 8);
    let profiles = Profile::all();
    let profile = profiles[random.below(profiles.len() as u32) as usize].clone();
    let (features, linux) = (profile.features, profile.name == "Linux");
    if std::env::var_os("OPS_SEED").is_some() {
        println!("seed {seed}: {}, {features:?}", profile.name);
    }
    // What can't be cancelled, or waited for, can't be waited out.
    let orderly = profile.knows(bare_uring::opcode::AsyncCancel::CODE) && profile.waits == Waits::Count;
    let kernel = if hostile { SimKernel::hostile(seed) } else { SimKernel::new(profile, seed) };
    let chaos = if random.chance(1, 2) { Chaos::seeded(&mut random) } else { Chaos::none() };
    let loses = chaos.lost_completions.0 > 0;
    kernel.set_chaos(chaos);
    let slab = memory.start().expect("fresh");
    let mut tally = Tally::default();
    if hostile {
        tally.count("the kernel lied");
    }
    // A timed wait of a kernel without EXT_ARG may spin for the kernel's thread, which here runs in calls only.
    let threads = !hostile && features.contains(Features::EXT_ARG);
    let Some(mut driver) = driver(&mut random, slab, &kernel, threads) else {
        tally.count("a ring was refused");
        return tally;
    };
    tally.count("a ring was made");
    // On kernels without a timed wait the library makes timeouts for itself, which end with the ring.
    kernel.ignore(kernel.last_ring().unwrap_or(0), !0xffff, 0xba5e_0b5e_55ed_0000);
    let provides = driver.provide(provided).is_ok();
    // Whether completions that find the queue full are lost.
    let drops_completions = !driver.params().features().contains(Features::NODROP);
    let listener = kernel.listener();
    let mut play = Play {
        random,
        slab,
        running: Vec::new(),
        held: Vec::new(),
        files: Vec::new(),
        listener,
        far: Vec::new(),
        content: -1,
        lost: Lost::default(),
        tally,
        hostile,
        linux: linux && !hostile,
        kernel,
    };
    play.open();
    for _ in 0..play.random.below(160) {
        play.step(&mut driver, provides);
    }
    let exact = !hostile && !loses && !drops_completions && orderly;
    play.end(driver, exact)
}

/// A driver, in one of several modes; `None` where the kernel makes no ring at all.
fn driver(random: &mut Random, slab: &'static Slab, kernel: &SimKernel, threads: bool) -> Option<Driver<SimKernel>> {
    let entries = 1 << random.below(4);
    let mut builder = Builder::new();
    match random.below(5) {
        0 if threads => drop(builder.setup_sqpoll(10)),
        1 => drop(builder.setup_coop_taskrun()),
        2 => drop(builder.setup_single_issuer().setup_defer_taskrun()),
        3 => drop(builder.setup_submit_all()),
        _ => {}
    }
    if random.chance(1, 3) {
        builder.setup_cqsize(16);
    }
    Driver::new(slab, kernel.clone(), &builder, entries)
        .or_else(|_| Driver::new(slab, kernel.clone(), &Builder::new(), entries))
        .ok()
}

impl Play {
    /// Adopts a few descriptors of the simulated kernel.
    fn open(&mut self) {
        let (reader, writer) = self.kernel.pipe();
        let (near, far) = self.kernel.socket_pair();
        let content = self.kernel.file(run(0, 500));
        let (back_reader, back_writer) = self.kernel.pipe();
        self.far = vec![(writer, 0), (far, 0), (back_reader, 0)];
        self.content = content;
        for fd in [self.listener, reader, near, content, back_writer] {
            // SAFETY: the descriptors are of the simulated kernel, open, and nobody else's.
            self.files.extend(unsafe { self.slab.adopt(fd) });
        }
    }

    fn step(&mut self, driver: &mut Driver<SimKernel>, provides: bool) {
        match self.random.below(16) {
            0..5 => self.begin(provides),
            5..8 => self.poll_some(),
            8..11 => self.turn(driver),
            11 => self.far_end(),
            12 => self.drop_some(),
            13 => self.forget_some(),
            14 => self.cancel_some(),
            _ => self.hold_or_let_go(),
        }
        self.held.iter().for_each(Held::check);
    }

    fn turn(&mut self, driver: &mut Driver<SimKernel>) {
        let wait = if self.random.chance(1, 2) { Wait::No } else { Wait::For(Timespec::new(0, 1_000)) };
        match driver.turn(wait) {
            Ok(_) => {}
            // The kernel has lost completions for want of memory.
            Err(Errno::EBADR) => {}
            Err(errno) => assert!(!self.linux, "turn: {errno:?}"),
        }
        self.kernel.run(self.random.below(4));
    }

    /// Starts an operation or a stream.
    fn begin(&mut self, provides: bool) {
        if self.files.is_empty() {
            return;
        }
        let slab = self.slab;
        let which = self.random.below(self.files.len() as u32) as usize;
        let file = self.files[which].clone();
        let first = self.random.below(251) as u8;
        let running = match self.random.below(12) {
            kind @ 0..6 => {
                let Some(mut buffer) = slab.buffer() else { return };
                let window = run(first, self.random.below(SIZE as u32 + 1) as usize);
                buffer.extend(&window);
                let kind = if file.as_raw_fd() == self.content { 0 } else { kind };
                let (operation, fills) = match kind {
                    0 | 1 => (slab.read(&file, buffer, CURRENT), true),
                    2 | 3 => (slab.receive(&file, buffer), true),
                    4 => (slab.write(&file, buffer, CURRENT), false),
                    _ => (slab.send(&file, buffer), false),
                };
                Running::Moved(self.limited(operation), window, fills)
            }
            6 => Running::Plain(slab.nop()),
            7 => Running::Plain(slab.timeout(Timespec::new(0, self.random.below(10_000)))),
            8 => Running::Plain(match self.random.below(2) {
                0 => slab.fsync(&file, FsyncFlags::empty()),
                _ => slab.shutdown(&file, ShutdownHow::WRITE),
            }),
            9 => Running::Made(slab.accept(&file)),
            10 if provides => Running::Pieces(slab.pieces(&file)),
            _ => Running::Accepts(slab.incoming(&file)),
        };
        self.running.push((running, false));
    }

    fn limited(&mut self, operation: Op<Moved>) -> Op<Moved> {
        if self.random.chance(1, 4) { operation.within(Timespec::new(0, self.random.below(10_000))) } else { operation }
    }

    fn poll_some(&mut self) {
        for _ in 0..self.random.below(6) {
            if let Some((running, asked)) = self.take_running()
                && let Some(running) = self.poll(running, asked)
            {
                self.running.push((running, asked));
            }
        }
    }

    fn take_running(&mut self) -> Option<(Running, bool)> {
        let count = self.running.len() as u32;
        (count > 0).then(|| self.running.swap_remove(self.random.below(count) as usize))
    }

    /// Polls one; gives it back if it is not over.
    fn poll(&mut self, mut running: Running, asked: bool) -> Option<Running> {
        let mut context = Context::from_waker(Waker::noop());
        match &mut running {
            Running::Plain(operation) => match Pin::new(operation).poll(&mut context) {
                Poll::Ready(outcome) => self.count(outcome.err(), asked),
                Poll::Pending => return Some(running),
            },
            Running::Moved(operation, window, fills) => match Pin::new(operation).poll(&mut context) {
                Poll::Ready((outcome, buffer)) => {
                    self.count(outcome.err(), asked);
                    self.moved(outcome, buffer, window, *fills);
                }
                Poll::Pending => return Some(running),
            },
            Running::Made(operation) => match Pin::new(operation).poll(&mut context) {
                Poll::Ready(outcome) => {
                    self.count(outcome.as_ref().err().copied(), asked);
                    self.files.extend(outcome.ok());
                }
                Poll::Pending => return Some(running),
            },
            Running::Accepts(stream) => match stream.poll_next(&mut context) {
                Poll::Ready(Some(Ok(file))) => {
                    self.tally.count("a stream brought a connection");
                    self.files.push(file);
                    return Some(running);
                }
                Poll::Ready(Some(Err(_)) | None) => self.tally.count("a stream ended"),
                Poll::Pending => return Some(running),
            },
            Running::Pieces(stream) => match stream.poll_next(&mut context) {
                Poll::Ready(Some(Ok(piece))) => {
                    self.tally.count("a stream brought data");
                    assert!(self.hostile || is_run(&piece), "a piece is of two sources: {:?}", &*piece);
                    self.keep(piece);
                    return Some(running);
                }
                Poll::Ready(Some(Err(_)) | None) => self.tally.count("a stream ended"),
                Poll::Pending => return Some(running),
            },
        }
        None
    }

    fn moved(&mut self, outcome: Result<usize, Errno>, buffer: Buffer, window: &[u8], fills: bool) {
        if !self.hostile {
            let count = outcome.unwrap_or(0);
            if fills {
                let (before, new) = buffer.split_at(window.len());
                assert_eq!(before, window, "what was there before");
                assert_eq!(new.len(), count);
                assert!(is_run(new), "what was read is of two sources: {new:?}");
            } else {
                assert_eq!(&*buffer, &window[count..], "what is left");
            }
        }
        self.keep(buffer);
    }

    /// Holds a buffer for a while, or gives it back.
    fn keep(&mut self, buffer: Buffer) {
        if self.random.chance(1, 2) {
            self.held.push(Held::new(buffer, self.random.below(251) as u8));
        }
    }

    fn count(&mut self, error: Option<Errno>, asked: bool) {
        if error == Some(Errno::ECANCELED) {
            assert!(asked || self.hostile, "cancelled, and nobody asked for it");
        }
        self.tally.count(match error {
            None => "an operation completed",
            Some(Errno::ECANCELED) => "an operation was cancelled",
            Some(Errno::ETIME) => "an operation was too late",
            Some(_) => "an operation failed",
        });
    }

    /// What happens on the other side: data comes and is taken, connections come, ends are closed.
    fn far_end(&mut self) {
        let which = self.random.below(self.far.len() as u32) as usize;
        let (far, next) = self.far[which];
        match self.random.below(8) {
            0..4 => {
                let bytes = run(next, 1 + self.random.below(100) as usize);
                let taken = self.kernel.write(far, &bytes).unwrap_or(0);
                self.far[which].1 = bytes.get(taken).copied().unwrap_or_else(|| after(bytes[taken - 1]));
            }
            4 | 5 => drop(self.kernel.read(far, 64)),
            6 => self.far.extend(self.kernel.connect(self.listener).map(|far| (far, 0))),
            _ => {
                if self.random.chance(1, 8) {
                    self.kernel.close_file(far);
                }
            }
        }
    }

    fn drop_some(&mut self) {
        match self.random.below(3) {
            0 if self.files.len() > 2 => {
                let which = self.random.below(self.files.len() as u32) as usize;
                drop(self.files.swap_remove(which));
            }
            _ => drop(self.take_running()),
        }
        self.tally.count("something was dropped");
    }

    fn forget_some(&mut self) {
        if !self.random.chance(1, 3) {
            return;
        }
        self.tally.count("something was forgotten");
        match self.random.below(4) {
            0 if !self.files.is_empty() => {
                std::mem::forget(self.files[0].clone());
                self.lost.files = true;
            }
            1 if !self.held.is_empty() => {
                let held = self.held.swap_remove(0);
                self.lost.buffers += usize::from(held.buffer.capacity() == SIZE);
                std::mem::forget(held.buffer);
            }
            _ => {
                let Some((running, _)) = self.take_running() else { return };
                self.lost.slots += 1;
                self.lost.files = true;
                match &running {
                    // One of a provided buffer, or one that found no slot, loses less.
                    Running::Moved(..) => self.lost.any = true,
                    Running::Accepts(_) | Running::Pieces(_) => self.lost.any = true,
                    _ => {}
                }
                std::mem::forget(running);
            }
        }
    }

    fn cancel_some(&mut self) {
        if let Some((mut running, _)) = self.take_running() {
            match &mut running {
                Running::Plain(operation) => operation.cancel(),
                Running::Moved(operation, ..) => operation.cancel(),
                Running::Made(operation) => operation.cancel(),
                Running::Accepts(stream) => stream.cancel(),
                Running::Pieces(stream) => stream.cancel(),
            }
            self.running.push((running, true));
        }
    }

    fn hold_or_let_go(&mut self) {
        if self.random.chance(1, 2) {
            if let Some(buffer) = self.slab.buffer() {
                self.held.push(Held::new(buffer, self.random.below(251) as u8));
            }
        } else if !self.held.is_empty() {
            drop(self.held.swap_remove(0));
        }
    }

    /// Ends the driver in one way or another, drops what is held, and counts what is there.
    fn end(mut self, driver: Driver<SimKernel>, exact: bool) -> Tally {
        // A kernel that lies may go on lying for ever; one that is shut down is waited for.
        let way = if self.hostile { 3 } else { self.random.below(4) };
        if way < 2 {
            // Then nothing is lost but what was forgotten.
            self.running.clear();
            self.files.clear();
        }
        let ended = match way {
            0..3 => driver.shutdown(Duration::from_secs(1)),
            _ if self.random.chance(15, 16) => {
                self.tally.count("a driver was dropped");
                drop(driver);
                Err(Errno::ECANCELED)
            }
            _ => {
                self.tally.count("a driver was forgotten");
                std::mem::forget(driver);
                Err(Errno::ECANCELED)
            }
        };
        // What the kernel still does after the ring is gone.
        self.kernel.run(8);
        self.held.iter().for_each(Held::check);
        match ended {
            Ok(()) => {
                self.tally.count("a driver was shut down");
                assert_eq!(self.slab.in_flight(), 0);
                if !self.hostile {
                    assert_eq!(self.kernel.faults(), []);
                }
            }
            Err(errno) => {
                self.tally.count("a driver gave up");
                assert!(way == 3 || !exact, "shutdown: {errno:?}, {} in flight", self.slab.in_flight());
            }
        }
        self.running.clear();
        self.files.clear();
        self.held.clear();
        self.tally.1.merge(&self.kernel.coverage());
        if ended.is_ok() && exact {
            self.assert_all_is_back(way < 2);
        }
        self.tally
    }

    /// Looks whether all is back that was not forgotten; files, if their handles were dropped before the driver.
    fn assert_all_is_back(&mut self, files_too: bool) {
        let buffers: Vec<Buffer> = std::iter::from_fn(|| self.slab.buffer()).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut operations = Vec::new();
        let free = loop {
            let mut operation = self.slab.nop();
            if Pin::new(&mut operation).poll(&mut context).is_ready() {
                break operations.len();
            }
            operations.push(operation);
        };
        // Those that were refused a slot are counted as lost, and are not.
        assert!(free + self.lost.slots >= SLOTS, "{free} slots are free, {} lost", self.lost.slots);
        let lost = self.lost.buffers + if self.lost.any { self.lost.slots } else { 0 };
        assert!(buffers.len() + lost >= BUFFERS, "{} buffers are free, {lost} lost", buffers.len());
        if self.lost.slots == 0 && self.lost.buffers == 0 {
            assert_eq!((free, buffers.len()), (SLOTS, BUFFERS));
            self.tally.count("everything was back");
        }
        if files_too && !self.lost.files {
            let mut places = 0;
            // SAFETY: the descriptors are none, and no driver is there to close them.
            while let Some(file) = unsafe { self.slab.adopt(1_000_000) } {
                std::mem::forget(file);
                places += 1;
            }
            assert_eq!(places, FILES);
            self.tally.count("every file was closed");
        }
    }
}
