//! Streams that are held back: by a pause, or by their share of the provided buffers.

use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::RawFd;
use bare_uring_ops::{Buffer, Driver, File, Group, Slab, Stream, Wait};
use bare_uring_sim::SimKernel;

use crate::setting::{adopt, driven};
use crate::shared::{Bell, poll};

struct Scene {
    kernel: SimKernel,
    slab: &'static Slab,
    driver: Driver<SimKernel>,
    near: File,
    far: RawFd,
}

impl Scene {
    /// Makes a socket pair and 8 provided buffers of 4 bytes.
    fn new() -> Self {
        let (kernel, slab, mut driver) = driven::<2, 4, 1, 8>(16);
        driver.provide(Box::leak(Box::new(Group::<8, 4>::new()))).expect("provide");
        let (near, far) = kernel.socket_pair();
        let near = adopt(slab, near);
        Self { kernel, slab, driver, near, far }
    }

    fn turns(&mut self) {
        for _ in 0..12 {
            self.driver.turn(Wait::No).expect("turn");
            self.kernel.run(4);
        }
    }

    /// Returns how many provided buffers are out.
    fn out(&self) -> usize {
        self.slab.figures().provided.used
    }
}

fn take(stream: &mut Stream<Buffer>) -> Poll<Option<Result<Vec<u8>, Errno>>> {
    poll(&mut stream.next(), &Bell::new()).map(|next| next.map(|piece| piece.map(|piece| piece.to_vec())))
}

fn piece(bytes: &[u8]) -> Poll<Option<Result<Vec<u8>, Errno>>> {
    Poll::Ready(Some(Ok(bytes.to_vec())))
}

#[test]
fn a_stream_holds_at_most_its_share() {
    for (asked, share) in [(0, 1), (1, 1), (3, 3)] {
        let mut scene = Scene::new();
        let mut stream = scene.slab.pieces_at_most(&scene.near, asked);
        assert!(take(&mut stream).is_pending());
        assert_eq!(scene.kernel.write(scene.far, b"0..41..42..43..44..4"), Ok(20));
        for number in 0..5_u8 {
            scene.turns();
            let left = share.min(usize::from(5 - number));
            assert_eq!((stream.waiting(), scene.out()), (left, left));
            assert_eq!(take(&mut stream), piece(&[b'0' + number, b'.', b'.', b'4']));
        }
        scene.turns();
        assert!(take(&mut stream).is_pending());
        assert_eq!(scene.out(), 0);
        // The end is the end of such a stream, too.
        scene.kernel.close_file(scene.far);
        scene.turns();
        assert_eq!(take(&mut stream), Poll::Ready(None));
        assert_eq!((scene.slab.in_flight(), scene.slab.figures().slots.used), (0, 0));
    }
}

#[test]
fn without_a_share_a_stream_takes_all() {
    let mut scene = Scene::new();
    let mut stream = scene.slab.pieces(&scene.near);
    assert!(take(&mut stream).is_pending());
    assert_eq!(scene.kernel.write(scene.far, &[b'x'; 40]), Ok(40));
    scene.turns();
    assert_eq!((stream.waiting(), scene.out()), (8, 8));
}

#[test]
fn a_paused_stream_brings_nothing_and_loses_nothing() {
    let mut scene = Scene::new();
    for mut stream in [scene.slab.pieces(&scene.near), scene.slab.pieces_at_most(&scene.near, 2)] {
        let bell = Bell::new();
        assert!(poll(&mut stream.next(), &bell).is_pending());
        scene.turns();
        for _ in 0..20 {
            let before = bell.rings();
            stream.pause();
            stream.pause();
            scene.turns();
            assert_eq!((scene.slab.in_flight(), bell.rings()), (0, before));
            assert_eq!(scene.kernel.write(scene.far, b"abcd"), Ok(4));
            scene.turns();
            assert_eq!((stream.waiting(), scene.out()), (0, 0));
            stream.resume();
            scene.turns();
            assert_eq!(take(&mut stream), piece(b"abcd"));
            assert!(take(&mut stream).is_pending());
            // A pause may be over before the driver knows of it.
            stream.pause();
            stream.resume();
            assert_eq!(scene.kernel.write(scene.far, b"efgh"), Ok(4));
            scene.turns();
            assert_eq!(take(&mut stream), piece(b"efgh"));
            assert!(poll(&mut stream.next(), &bell).is_pending());
        }
        drop(stream);
        scene.turns();
        assert_eq!(scene.slab.in_flight(), 0);
    }
    assert_eq!(scene.slab.figures().slots.used, 0);
}

#[test]
fn a_stream_may_be_paused_before_it_has_begun() {
    let mut scene = Scene::new();
    let mut stream = scene.slab.pieces(&scene.near);
    stream.pause();
    assert!(take(&mut stream).is_pending());
    assert_eq!(scene.kernel.write(scene.far, b"abcd"), Ok(4));
    scene.turns();
    assert_eq!((scene.slab.in_flight(), stream.waiting()), (0, 0));
    stream.resume();
    scene.turns();
    assert_eq!(take(&mut stream), piece(b"abcd"));
}

#[test]
fn a_pause_holds_back_a_request_that_waits_for_the_driver() {
    // The stream's first request, and the one after an item.
    for is_first in [true, false] {
        let mut scene = Scene::new();
        let mut stream = scene.slab.pieces_at_most(&scene.near, 1);
        assert!(take(&mut stream).is_pending());
        if !is_first {
            assert_eq!(scene.kernel.write(scene.far, b"1..4"), Ok(4));
            scene.turns();
            assert_eq!(take(&mut stream), piece(b"1..4"));
        }
        stream.pause();
        assert_eq!(scene.kernel.write(scene.far, b"abcd"), Ok(4));
        scene.turns();
        assert_eq!((scene.slab.in_flight(), stream.waiting()), (0, 0));
        stream.resume();
        scene.turns();
        assert_eq!(take(&mut stream), piece(b"abcd"));
    }
}

#[test]
fn a_stream_with_a_share_that_is_cancelled_says_so() {
    // Its request brings one item, and may have done so when the cancellation comes.
    for has_come in [false, true] {
        let mut scene = Scene::new();
        let mut stream = scene.slab.pieces_at_most(&scene.near, 3);
        assert!(take(&mut stream).is_pending());
        scene.turns();
        if has_come {
            assert_eq!(scene.kernel.write(scene.far, b"abcd"), Ok(4));
            scene.kernel.run(4);
        }
        stream.cancel();
        scene.turns();
        if has_come {
            assert_eq!(take(&mut stream), piece(b"abcd"));
        }
        assert_eq!(take(&mut stream), Poll::Ready(Some(Err(Errno::ECANCELED))));
        assert_eq!(take(&mut stream), Poll::Ready(None));
    }
}

#[test]
fn a_paused_stream_that_is_cancelled_ends() {
    let mut scene = Scene::new();
    for by_shutdown in [false, true] {
        let bell = Bell::new();
        let mut stream = scene.slab.pieces(&scene.near);
        assert!(poll(&mut stream.next(), &bell).is_pending());
        scene.turns();
        stream.pause();
        scene.turns();
        assert_eq!((scene.slab.in_flight(), bell.rings()), (0, 0));
        if by_shutdown {
            assert_eq!(scene.driver.shutdown(Duration::from_secs(16)), Ok(()));
            assert_eq!((bell.rings(), take(&mut stream)), (1, Poll::Ready(Some(Err(Errno::ECANCELED)))));
            return;
        }
        stream.cancel();
        stream.resume();
        scene.turns();
        assert_eq!((bell.rings(), take(&mut stream)), (1, Poll::Ready(Some(Err(Errno::ECANCELED)))));
    }
}

#[test]
fn connections_wait_while_their_stream_is_paused() {
    let mut scene = Scene::new();
    let listener = scene.kernel.listener();
    let file = adopt(scene.slab, listener);
    let mut incoming = scene.slab.incoming(&file);
    assert!(poll(&mut incoming.next(), &Bell::new()).is_pending());
    scene.turns();
    incoming.pause();
    scene.turns();
    scene.kernel.connect(listener).expect("it listens");
    scene.turns();
    assert!(poll(&mut incoming.next(), &Bell::new()).is_pending());
    incoming.resume();
    scene.turns();
    assert!(matches!(poll(&mut incoming.next(), &Bell::new()), Poll::Ready(Some(Ok(_)))));
}
