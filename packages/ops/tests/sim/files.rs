//! Closes, pipes and whole transfers on a kernel that answers in unusual ways.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bare_uring::types::{OpenFlags, RawFd};
use bare_uring::{Builder, Errno, opcode};
use bare_uring_ops::{CURRENT, Driver, File, Progress, Slab, Storage, Wait};
use bare_uring_sim::{Chaos, Profile, Rate, SimKernel};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};
use crate::watched::Watched;

/// A slab on a kernel whose opcodes are noted, and one of which does nothing but give a result.
struct Scene {
    kernel: SimKernel,
    slab: &'static Slab,
    driver: Driver<Watched<SimKernel>>,
    seen: Rc<RefCell<Vec<u8>>>,
    /// The opcode that does nothing, and its result.
    answer: Rc<Cell<Option<(u8, i32)>>>,
    file: File,
    far: RawFd,
}

impl Scene {
    fn new() -> Self {
        Self::seeded(1)
    }

    fn seeded(seed: u64) -> Self {
        limit_this_test();
        let kernel = SimKernel::new(Profile::linux(6, 18), seed);
        let (seen, answer) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(None)));
        let slab = Box::leak(Box::new(Storage::<4, 4, 4, 64>::new())).start().expect("fresh");
        let (seeing, answering) = (seen.clone(), answer.clone());
        let watched = Watched::new(kernel.clone(), move |entry| {
            seeing.borrow_mut().push(entry[0]);
            if let Some((opcode, result)) = answering.get()
                && entry[0] == opcode
            {
                let user_data: [u8; 8] = std::array::from_fn(|at| entry[32 + at]);
                *entry = opcode::Nop::new().result(result).build().user_data(u64::from_ne_bytes(user_data)).to_bytes();
            }
        });
        let driver = Driver::new(slab, watched, &Builder::new(), 8).expect("a ring");
        let (near, far) = kernel.socket_pair();
        let file = adopt(slab, near);
        seen.take();
        Self { kernel, slab, driver, seen, answer, file, far }
    }

    /// Turns often enough for everything to happen.
    fn turns(&mut self) {
        for _ in 0..20 {
            self.driver.turn(Wait::No).expect("turn");
            self.kernel.run(2);
        }
    }
}

#[test]
fn closes_are_not_cancelled_and_a_shutdown_waits_for_them() {
    let mut scene = Scene::new();
    let mut chaos = Chaos::none();
    chaos.delayed = Rate(255);
    scene.kernel.set_chaos(chaos);
    let bell = Bell::new();
    for dropped in [true, false] {
        let fd = scene.kernel.pipe().0;
        let mut close = scene.slab.close(adopt(scene.slab, fd));
        assert!(poll(&mut close, &bell).is_pending());
        scene.driver.turn(Wait::No).expect("turn");
        assert_eq!(scene.slab.in_flight(), 1, "it is late");
        if dropped {
            drop(close);
            scene.turns();
        } else {
            let Scene { driver, slab, seen, .. } = scene;
            assert_eq!((driver.shutdown(Duration::from_secs(1)), slab.in_flight()), (Ok(()), 0));
            assert_eq!(poll(&mut close, &bell), Poll::Ready(Ok(())));
            assert_eq!(seen.take(), [opcode::Close::CODE]);
            return;
        }
        assert_eq!((scene.seen.take(), scene.slab.in_flight()), (vec![opcode::Close::CODE], 0));
    }
}

#[test]
fn closes_are_not_made_twice_whatever_the_result_is() {
    let mut scene = Scene::new();
    let bell = Bell::new();
    // The second is what a filesystem may answer.
    for errno in [Errno::EIO, Errno::ECANCELED] {
        scene.answer.set(Some((opcode::Close::CODE, -i32::from(errno.raw()))));
        let fd = scene.kernel.pipe().0;
        let mut close = scene.slab.close(adopt(scene.slab, fd));
        assert!(poll(&mut close, &bell).is_pending());
        scene.turns();
        assert_eq!(poll(&mut close, &bell), Poll::Ready(Err(errno)));
        drop(close);
        scene.turns();
        assert_eq!(scene.seen.take(), [opcode::Close::CODE]);
    }
    // The places are free again.
    let files = [0; 3].map(|_| adopt(scene.slab, scene.kernel.pipe().0));
    drop(files);
}

#[test]
fn a_pipe_that_the_kernel_has_not_written_is_none() {
    let mut scene = Scene::new();
    scene.answer.set(Some((opcode::Pipe::CODE, 0)));
    let bell = Bell::new();
    let mut pipe = scene.slab.pipe(OpenFlags(0));
    assert!(poll(&mut pipe, &bell).is_pending());
    scene.turns();
    let Poll::Ready(Ok((reader, writer))) = poll(&mut pipe, &bell) else { panic!("made") };
    assert_eq!((reader.as_raw_fd(), writer.as_raw_fd()), (-1, -1));
    drop((reader, writer));
    scene.turns();
    // Nothing is closed, and the places are free again.
    assert_eq!(scene.seen.take(), [opcode::Pipe::CODE]);
    let files = [0; 3].map(|_| adopt(scene.slab, scene.kernel.pipe().0));
    drop(files);
}

#[test]
fn a_cancelled_whole_transfer_begins_no_further_request() {
    let mut scene = Scene::new();
    let bell = Bell::new();
    let mut whole = scene.slab.read_full(&scene.file, scene.slab.buffer().expect("one"), CURRENT);
    assert!(poll(&mut whole, &bell).is_pending());
    assert_eq!(scene.kernel.write(scene.far, b"abc"), Ok(3));
    scene.turns();
    // The first request is over, and the handle does not know it yet.
    assert_eq!((bell.rings(), whole.count()), (1, 0));
    whole.cancel();
    let Poll::Ready(Progress { buffer, count, result }) = poll(&mut whole, &bell) else { panic!("it goes on") };
    assert_eq!((&*buffer, count, result), (&b"abc"[..], 3, Err(Errno::ECANCELED)));
    scene.turns();
    assert_eq!(scene.seen.take(), [opcode::Read::CODE]);
}

#[test]
fn a_write_that_takes_nothing_ends_a_whole_transfer() {
    let mut scene = Scene::new();
    scene.answer.set(Some((opcode::Write::CODE, 0)));
    let bell = Bell::new();
    let mut buffer = scene.slab.buffer().expect("one");
    assert_eq!(buffer.extend(b"kept"), 4);
    let mut whole = scene.slab.write_all(&scene.file, buffer, CURRENT);
    assert!(poll(&mut whole, &bell).is_pending());
    scene.turns();
    let Poll::Ready(Progress { buffer, count, result }) = poll(&mut whole, &bell) else { panic!("it goes on") };
    assert_eq!((&*buffer, count, result), (&b"kept"[..], 0, Err(Errno::EIO)));
}

#[test]
fn a_pipe_that_comes_when_its_handle_is_gone_is_closed() {
    let mut closed = 0;
    for seed in 0..20 {
        let mut scene = Scene::seeded(seed);
        let free = scene.kernel.pipe().0;
        scene.kernel.close_file(free);
        scene.kernel.close_file(free + 1);
        let mut chaos = Chaos::none();
        chaos.delayed = Rate(255);
        scene.kernel.set_chaos(chaos);
        let mut pipe = scene.slab.pipe(OpenFlags(0));
        assert!(poll(&mut pipe, &Bell::new()).is_pending());
        scene.driver.turn(Wait::No).expect("turn");
        assert_eq!(scene.slab.in_flight(), 1, "it is late");
        drop(pipe);
        scene.turns();
        closed += scene.seen.take().iter().filter(|&&opcode| opcode == opcode::Close::CODE).count();
        assert_eq!((scene.slab.in_flight(), scene.kernel.pipe().0), (0, free), "seed {seed}");
    }
    assert!(closed > 0, "no pipe was made");
}
