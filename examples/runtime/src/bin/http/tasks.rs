//! The tasks: one that accepts, one for each connection, and one that ends them all.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bare_uring::types::Timespec;
use bare_uring_ops::{CURRENT, File, Slab};
use embassy_executor::Spawner;

use crate::connection;
use crate::{CONNECTIONS, REFUSALS, Site};

/// How long the answers may take to requests that came before a signal.
const GRACE: Timespec = Timespec::new(5, 0);

/// How long to accept nothing when no file or memory was left for a connection. Where no slot is free, until there is one.
const PAUSE: Timespec = Timespec::new(0, 50_000_000);

// There is one thread. The atomics stand in for cells, because a static can't be a cell.

/// A signal has come.
static STOPPING: AtomicBool = AtomicBool::new(false);
/// The grace after the signal is over.
static EXPIRED: AtomicBool = AtomicBool::new(false);
/// The number of requests that have come and are not yet answered.
static BUSY: AtomicUsize = AtomicUsize::new(0);

/// Tells whether the server has to end.
pub(crate) fn stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

/// Tells whether the server has ended.
pub(crate) fn over() -> bool {
    stopping() && (BUSY.load(Ordering::Relaxed) == 0 || EXPIRED.load(Ordering::Relaxed))
}

/// Counts one request as not yet answered, as long as the value lives.
pub(crate) struct Busy(());

impl Busy {
    pub(crate) fn new() -> Self {
        BUSY.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.fetch_sub(1, Ordering::Relaxed);
    }
}

#[embassy_executor::task]
pub(crate) async fn stop(slab: &'static Slab, signals: File) {
    if let Some(buffer) = slab.buffer() {
        let _ = slab.read(&signals, buffer, CURRENT).await;
    }
    STOPPING.store(true, Ordering::Relaxed);
    let _ = slab.timeout(GRACE).await;
    EXPIRED.store(true, Ordering::Relaxed);
}

#[embassy_executor::task]
pub(crate) async fn accept(site: Site, listener: File, spawner: Spawner) {
    loop {
        let mut incoming = site.slab.incoming(&listener);
        while let Some(Ok(socket)) = incoming.next().await {
            if stopping() {
                // The connection is closed, since its file is dropped.
                continue;
            }
            if let Ok(token) = serve(site.clone(), socket.clone()) {
                spawner.spawn(token);
            } else if let Ok(token) = refuse(site.clone(), socket) {
                spawner.spawn(token);
            }
        }
        drop(incoming);
        runtime::listener::pause(site.slab, PAUSE).await;
    }
}

#[embassy_executor::task(pool_size = CONNECTIONS)]
async fn serve(site: Site, socket: File) {
    connection::serve(&site, &socket).await;
}

#[embassy_executor::task(pool_size = REFUSALS)]
async fn refuse(site: Site, socket: File) {
    connection::refuse(&site, &socket).await;
}
