//! Connections and data that come to streams that are gone.

use bare_uring::types::RawFd;
use bare_uring_ops::{Driver, File, Group, Slab, Wait};
use bare_uring_sim::SimKernel;

use crate::setting::{adopt, driven};
use crate::shared::{Bell, poll};

struct Scene {
    kernel: SimKernel,
    slab: &'static Slab,
    driver: Driver<SimKernel>,
}

impl Scene {
    fn new() -> Self {
        let (kernel, slab, driver) = driven::<1, 2, 1, 8>(8);
        Self { kernel, slab, driver }
    }

    fn adopt(&self, fd: RawFd) -> File {
        adopt(self.slab, fd)
    }

    fn turn(&mut self) {
        for _ in 0..8 {
            self.driver.turn(Wait::No).expect("turn");
            self.kernel.run(2);
        }
    }
}

#[test]
fn a_connection_is_closed() {
    let mut scene = Scene::new();
    let listener = scene.kernel.listener();
    let file = scene.adopt(listener);
    for _ in 0..3 {
        let bell = Bell::new();
        let mut incoming = scene.slab.incoming(&file);
        assert!(poll(&mut incoming.next(), &bell).is_pending());
        scene.turn();
        // The connection is accepted, and the driver does not know that yet.
        let far = scene.kernel.connect(listener).expect("it listens");
        scene.kernel.run(4);
        drop(incoming);
        scene.turn();
        assert_eq!((scene.slab.in_flight(), bell.rings()), (0, 0));
        assert_eq!(scene.kernel.read(far, 1), Ok(Some(Vec::new())));
    }
    // The one place beside the listener's is free, and the slot holds nothing of an earlier stream.
    assert!(poll(&mut scene.slab.incoming(&file).next(), &Bell::new()).is_pending());
    drop(scene.adopt(scene.kernel.listener()));
}

#[test]
fn data_gives_its_buffer_back() {
    static GROUP: Group<2, 8> = Group::new();
    let mut scene = Scene::new();
    scene.driver.provide(&GROUP).expect("provide");
    let (near, far) = scene.kernel.socket_pair();
    let file = scene.adopt(near);
    for _ in 0..5 {
        let bell = Bell::new();
        let mut pieces = scene.slab.pieces(&file);
        assert!(poll(&mut pieces.next(), &bell).is_pending());
        scene.turn();
        assert_eq!(scene.kernel.write(far, b"late"), Ok(4));
        scene.kernel.run(4);
        drop(pieces);
        scene.turn();
        assert_eq!((scene.slab.in_flight(), bell.rings()), (0, 0));
    }
    // Both buffers are the kernel's again.
    let bell = Bell::new();
    let mut pieces = scene.slab.pieces(&file);
    assert!(poll(&mut pieces.next(), &bell).is_pending());
    assert_eq!(scene.kernel.write(far, b"twobuffers"), Ok(10));
    scene.turn();
    assert_eq!(bell.rings(), 1);
    for part in [&b"twobuffe"[..], b"rs"] {
        let std::task::Poll::Ready(Some(Ok(piece))) = poll(&mut pieces.next(), &bell) else { panic!("a piece") };
        assert_eq!(&*piece, part);
    }
}
