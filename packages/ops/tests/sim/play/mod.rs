//! One seed: a kernel, a slab on it, and a user that does anything that safe code can do.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use bare_uring::types::{RawFd, Timespec};
use bare_uring::{Builder, Errno, Features, SetupFlags, opcode};
use bare_uring_ops::{Buffer, Driver, File, Group, Slab, Storage, Wait};
use bare_uring_sim::{Chaos, Event, Fault, Profile, Random, SimKernel, Unready, Waits};

use crate::books::{Held, Tally, run};
use tasks::{Running, Task};

mod files;
mod tasks;
mod whims;

const SLOTS: usize = 12;
const FILES: usize = 12;
const BUFFERS: usize = 8;
const SIZE: usize = 48;
/// How long the file with content is.
const CONTENT: usize = 500;

type Memory = Storage<SLOTS, FILES, BUFFERS, SIZE>;
type Provided = Group<4, 160>;

/// What was forgotten, and will never come back.
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
    tasks: Vec<Task>,
    /// A task is polled only after its waker was called.
    only_woken: bool,
    held: Vec<Held>,
    files: Vec<File>,
    listener: RawFd,
    /// The other ends, and the next byte that each writes, so that what it writes is one run.
    far: Vec<(RawFd, u8)>,
    /// A file whose content is one run. It is read, and cut to the length that it has.
    content: RawFd,
    lost: Lost,
    tally: Tally,
    /// The kernel lies. No result means anything, but memory must be as safe as ever.
    hostile: bool,
    /// The kernel is a Linux, which knows all that a turn asks for.
    linux: bool,
    /// The kernel loses completions when it has no memory for them.
    loses: bool,
    /// The kernel knows the request that closes a file.
    closes: bool,
    /// A submit waits for a file that is not ready.
    blocks: bool,
    /// A submit may end in the middle of a chain: there is no memory, or a kernel-side thread takes a part.
    cuts: bool,
}

pub fn play(seed: u64) -> Tally {
    let memory = Box::into_raw(Box::new(Memory::new()));
    let provided = Box::into_raw(Box::new(Provided::new()));
    // SAFETY: the memory is freed at the end of this function only.
    let lent_memory = unsafe { &*memory };
    // SAFETY: the group is freed at the end of this function only.
    let lent_provided = unsafe { &*provided };
    let tally = play_in(seed, lent_memory, lent_provided);
    // SAFETY: the kernel writes nowhere any more: it was dropped, or belongs to a driver that was forgotten, and does
    // nothing without a call. Every handle was dropped as well, or was forgotten and is never used.
    drop(unsafe { Box::from_raw(memory) });
    // SAFETY: the kernel writes nowhere any more, and no handle is used (see above).
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
    // Only a kernel that can cancel, and can wait, lets a shutdown end in time.
    let closes = profile.knows(opcode::Close::CODE);
    let blocks = profile.unready == Unready::Blocks;
    let orderly = profile.knows(opcode::AsyncCancel::CODE) && profile.waits == Waits::Count;
    let kernel = if hostile { SimKernel::hostile(seed) } else { SimKernel::new(profile, seed) };
    let chaos = if random.chance(1, 2) { Chaos::seeded(&mut random) } else { Chaos::none() };
    let (loses, cuts) = (chaos.lost_completions.0 > 0, chaos.short_submits.0 > 0);
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
    // The timeouts that count time for limits point to a constant, and end with the ring.
    kernel.ignore(kernel.last_ring().unwrap_or(0), 0xffff_0000, 6 << 16);
    let provides = driver.provide(provided).is_ok();
    // Whether completions that find the queue full are lost.
    let drops_completions = !driver.params().features().contains(Features::NODROP);
    let cuts = cuts || driver.params().setup().contains(SetupFlags::SQPOLL);
    let listener = kernel.listener();
    let only_woken = random.chance(1, 2);
    let mut play = Play {
        random,
        slab,
        tasks: Vec::new(),
        only_woken,
        held: Vec::new(),
        files: Vec::new(),
        listener,
        far: Vec::new(),
        content: -1,
        lost: Lost::default(),
        tally,
        hostile,
        linux: linux && !hostile,
        loses,
        closes,
        blocks,
        cuts,
        kernel,
    };
    play.open();
    for _ in 0..play.random.below(160) {
        play.step(&mut driver, provides);
    }
    let exact = !hostile && !loses && !drops_completions && orderly;
    play.end(driver, exact)
}

/// Makes a driver, in one of several modes. `None`: the kernel makes no ring at all.
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
        let (datagrams, peer) = self.kernel.datagram_pair();
        let content = self.kernel.file(run(0, CONTENT));
        let (back_reader, back_writer) = self.kernel.pipe();
        self.far = vec![(writer, 0), (far, 0), (back_reader, 0), (peer, 0)];
        self.content = content;
        for fd in [self.listener, reader, near, content, back_writer, datagrams] {
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
            // The kernel had no memory for completions, and has lost them.
            Err(Errno::EBADR) => assert!(self.loses || !self.linux, "turn: EBADR"),
            Err(errno) => assert!(!self.linux, "turn: {errno:?}"),
        }
        let figures = self.slab.figures();
        self.tasks.iter_mut().for_each(|task| task.check(figures));
        self.kernel.run(self.random.below(4));
        self.check_closings();
    }

    /// Checks that each descriptor that the driver closes was open, so that no descriptor is closed twice.
    fn check_closings(&mut self) {
        /// How the driver marks these requests.
        const CLOSE: u64 = 4 << 16;

        for event in self.kernel.events(self.kernel.last_ring().unwrap_or(0)) {
            if let Event::Completed(completion) = event
                && completion.user_data == CLOSE
                && self.closes
                && !self.hostile
            {
                assert_eq!(completion.result, 0, "a file was closed that is not open");
                self.tally.count("a file was closed");
            }
        }
    }

    /// Ends the driver in one way or another, drops what is held, and counts what is there.
    fn end(mut self, driver: Driver<SimKernel>, exact: bool) -> Tally {
        // A kernel that lies may go on lying for ever; one that is shut down is waited for.
        let way = if self.hostile { 3 } else { self.random.below(4) };
        if way < 2 {
            // In these ways, nothing is lost but what was forgotten.
            self.drop_tasks();
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
                // A kernel whose submits block waits for a far end that does nothing meanwhile.
                let blocked = |fault: &Fault| self.blocks && matches!(fault, Fault::Stuck { .. });
                if !self.hostile {
                    let faults: Vec<_> = self.kernel.faults().into_iter().filter(|fault| !blocked(fault)).collect();
                    assert_eq!(faults, []);
                }
            }
            Err(errno) => {
                self.tally.count("a driver gave up");
                assert!(way == 3 || !exact, "shutdown: {errno:?}, {} in flight", self.slab.in_flight());
            }
        }
        self.see_tasks_out(ended.is_ok());
        self.drop_tasks();
        self.files.clear();
        self.held.clear();
        self.tally.1.merge(&self.kernel.coverage());
        if ended.is_ok() && exact {
            self.assert_all_is_back(way < 2);
        }
        self.tally
    }

    fn drop_tasks(&mut self) {
        self.tasks.drain(..).for_each(Task::drop_handle);
    }

    /// Polls each task that was woken until it waits or is over. After a shutdown, every task that had started is over.
    fn see_tasks_out(&mut self, shut_down: bool) {
        for mut task in std::mem::take(&mut self.tasks) {
            // The driver asked for the end of all tasks.
            task.asked = true;
            let was_polled = task.was_polled();
            let mut left = Some(task);
            while let Some(task) = left.take_if(|task| was_polled && task.is_due()) {
                left = self.poll(task);
                if shut_down && left.is_none() {
                    self.tally.count("a task was woken at the end");
                }
            }
            let waits = left.as_ref().is_some_and(|task| !task.waits_for_room()) && was_polled && shut_down;
            if waits && matches!(&left, Some(task) if matches!(task.running, Running::Whole(..))) {
                // It has begun with its next request, which waits for another driver, also if the handle is dropped.
                self.lost.slots += 1;
                (self.lost.any, self.lost.files) = (true, true);
            } else {
                assert!(!waits, "a task waits for a driver that was shut down");
            }
            self.tasks.extend(left);
        }
    }

    /// Checks that all is back that was not forgotten; files only if their handles were dropped before the driver.
    fn assert_all_is_back(&mut self, files_too: bool) {
        let buffers: Vec<Buffer> = std::iter::from_fn(|| self.slab.buffer()).take(BUFFERS + 1).collect();
        let mut context = Context::from_waker(Waker::noop());
        let mut operations = Vec::new();
        let free = loop {
            let mut operation = self.slab.nop();
            if Pin::new(&mut operation).poll(&mut context).is_ready() {
                break operations.len();
            }
            operations.push(operation);
            assert!(operations.len() <= SLOTS, "more slots than there are");
        };
        // Operations that were refused a slot are counted as lost too, although they are not.
        assert!(free + self.lost.slots >= SLOTS, "{free} slots are free, {} lost", self.lost.slots);
        let lost = self.lost.buffers + if self.lost.any { self.lost.slots } else { 0 };
        assert!(buffers.len() + lost >= BUFFERS, "{} buffers are free, {lost} lost", buffers.len());
        if self.lost.slots == 0 && self.lost.buffers == 0 {
            assert_eq!((free, buffers.len()), (SLOTS, BUFFERS));
            self.tally.count("everything was back");
        }
        if files_too && !self.lost.files {
            let mut places = 0;
            // SAFETY: no descriptor has this number, and there is no driver that could close it.
            while let Some(file) = unsafe { self.slab.adopt(1_000_000) } {
                std::mem::forget(file);
                places += 1;
                assert!(places <= FILES, "more places than there are");
            }
            assert_eq!(places, FILES);
            self.tally.count("every file was closed");
        }
    }
}
