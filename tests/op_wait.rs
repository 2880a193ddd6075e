//! Waiting for children on every kind of ring: that end, stop, go on; refused, cancelled.

mod common;

use common::needs;

use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use bare_uring::types::{IdType, SigInfo, WaitOptions};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each};
use rustix::process::{Pid, PidfdFlags, Signal, getuid, kill_process, pidfd_open};

const SIGCHLD: i32 = Signal::CHILD.as_raw();

/// Children are everybody's in a process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Another user than this process is, where it may choose: a number of more than 16 bits, of which none is like 0.
fn another_user() -> u32 {
    let uid = getuid();
    if uid.is_root() { 0x0012_3456 } else { uid.as_raw() }
}

/// A child that ends with this status when its input ends.
fn child(status: i32) -> Child {
    let script = format!("read line; exit {status}");
    Command::new("sh").args(["-c", &script]).stdin(Stdio::piped()).uid(another_user()).spawn().unwrap()
}

fn end(child: &mut Child) {
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
}

/// Signal, code, child and status.
fn told(info: &SigInfo) -> (i32, i32, i32, i32) {
    (info.signal(), info.code(), info.pid(), info.status())
}

fn complete<const N: usize>(ring: &mut dyn AnyRing) -> [(u64, Result<u32, Errno>); N] {
    let seen: Vec<_> = ring.complete(N).into_iter().map(|seen| (seen.user_data, seen.outcome)).collect();
    seen.try_into().unwrap()
}

#[test]
fn the_end_of_a_child_is_told() {
    needs!(6, 7, "IORING_OP_WAITID");
    let _alone = alone();
    on_each(|ring| {
        let mut child = child(203);
        let mut info = SigInfo::new();
        let wait = opcode::WaitId::new(IdType::PID, child.id(), WaitOptions::EXITED).infop(&raw mut info).build();
        ring.push(wait.user_data(1));
        ring.hand_over();
        assert_eq!(ring.take(), []);
        end(&mut child);
        assert_eq!(complete(ring), [(1, Ok(0))], "{}", ring.kind());
        assert_eq!(told(&info), (SIGCHLD, 1, child.id().cast_signed(), 203));
        assert_eq!(info.uid(), another_user());
        assert_eq!(ring.run(wait), Err(Errno::ECHILD), "{}", ring.kind());
    });
}

#[test]
fn a_child_is_found_by_every_kind_of_id() {
    needs!(6, 7, "IORING_OP_WAITID");
    let _alone = alone();
    on_each(|ring| {
        for idtype in [IdType::ALL, IdType::PID, IdType::PGID, IdType::PIDFD] {
            let mut child = child(0);
            let pid = Pid::from_child(&child);
            let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
            let id = match idtype {
                IdType::PID => child.id(),
                IdType::PIDFD => pidfd.as_raw_fd().cast_unsigned(),
                _ => 0,
            };
            let mut info = SigInfo::new();
            let wait = opcode::WaitId::new(idtype, id, WaitOptions::EXITED).infop(&raw mut info);
            ring.push(wait.build().user_data(1));
            end(&mut child);
            assert_eq!(complete(ring), [(1, Ok(0))], "{} {idtype:?}", ring.kind());
            assert_eq!(told(&info), (SIGCHLD, 1, child.id().cast_signed(), 0));
        }
    });
}

#[test]
fn stops_and_continuations_are_told_too_and_a_look_leaves_the_child() {
    needs!(6, 7, "IORING_OP_WAITID");
    let _alone = alone();
    on_each(|ring| {
        let mut child = child(0);
        let (pid, id) = (Pid::from_child(&child), child.id());
        let mut info = SigInfo::new();
        let place = &raw mut info;
        let mut wait = |options| ring.run(opcode::WaitId::new(IdType::PID, id, options).infop(place).build());
        kill_process(pid, Signal::STOP).unwrap();
        assert_eq!(wait(WaitOptions::STOPPED), Ok(0));
        assert_eq!(told(&info), (SIGCHLD, 5, id.cast_signed(), Signal::STOP.as_raw()));
        kill_process(pid, Signal::CONT).unwrap();
        assert_eq!(wait(WaitOptions::CONTINUED), Ok(0));
        assert_eq!(told(&info), (SIGCHLD, 6, id.cast_signed(), Signal::CONT.as_raw()));
        // Nothing to tell; the other fields are then what the kernel has left over from another request.
        assert_eq!(wait(WaitOptions::EXITED.with(WaitOptions::NOHANG)), Ok(0));
        assert_eq!(info.signal(), 0);
        child.kill().unwrap();
        for options in [WaitOptions::EXITED.with(WaitOptions::NOWAIT), WaitOptions::EXITED] {
            assert_eq!(wait(options), Ok(0));
            assert_eq!(told(&info), (SIGCHLD, 2, id.cast_signed(), Signal::KILL.as_raw()));
        }
        assert_eq!(wait(WaitOptions::EXITED), Err(Errno::ECHILD));
        assert!(child.wait().is_err(), "the ring has waited for it");
    });
}

#[test]
fn refused() {
    needs!(6, 7, "IORING_OP_WAITID");
    let _alone = alone();
    on_each(|ring| {
        let mut child = child(0);
        let nowhere = core::ptr::without_provenance_mut(8);
        let wait = |options| opcode::WaitId::new(IdType::PID, child.id(), options);
        let ended = WaitOptions::EXITED.with(WaitOptions::NOHANG);
        for (entry, errno) in [
            (wait(WaitOptions(0)).build(), Errno::EINVAL),
            (wait(WaitOptions(1 << 20)).build(), Errno::EINVAL),
            (opcode::WaitId::new(IdType(9), 1, WaitOptions::EXITED).build(), Errno::EINVAL),
            (opcode::WaitId::new(IdType::PID, 1, WaitOptions::EXITED).build(), Errno::ECHILD),
            (wait(ended).infop(nowhere).build(), Errno::EFAULT),
        ] {
            assert_eq!(ring.run(entry), Err(errno), "{} {entry:?}", ring.kind());
        }
        end(&mut child);
        child.wait().unwrap();
    });
}

#[test]
fn it_is_cancelled() {
    needs!(6, 7, "IORING_OP_WAITID");
    let _alone = alone();
    on_each(|ring| {
        let mut child = child(0);
        let mut info = SigInfo::new();
        let wait = opcode::WaitId::new(IdType::PID, child.id(), WaitOptions::EXITED).infop(&raw mut info);
        ring.push(wait.build().user_data(1));
        ring.push(opcode::AsyncCancel::new(1).build().user_data(2));
        let seen = complete::<2>(ring);
        assert_eq!((seen[0], seen[1].1.is_ok()), ((1, Err(Errno::ECANCELED)), true), "{} {seen:?}", ring.kind());
        assert_eq!((info.signal(), info.pid()), (0, 0));
        end(&mut child);
        assert!(child.wait().unwrap().success());
    });
}

/// A child of this user that ends at once.
fn child_of(user: u32) -> Child {
    Command::new("sh").args(["-c", "exit 5"]).uid(user).spawn().unwrap()
}

/// Root's number is 0, as is what was never written: only a child of another user tells the two apart.
#[test]
fn the_user_of_a_child_is_told() {
    const USER: u32 = 0x0012_3456;
    needs!(6, 7, "IORING_OP_WAITID");
    if !rustix::process::geteuid().is_root() {
        return common::skip("the_user_of_a_child_is_told", "only root runs a child as another user");
    }
    let _alone = alone();
    on_each(|ring| {
        let mut child = child_of(USER);
        let mut info = SigInfo::new();
        let wait = opcode::WaitId::new(IdType::PID, child.id(), WaitOptions::EXITED).infop(&raw mut info).build();
        assert_eq!(ring.run(wait), Ok(0), "{}", ring.kind());
        assert_eq!((told(&info), info.uid()), ((SIGCHLD, 1, child.id().cast_signed(), 5), USER), "{}", ring.kind());
        assert!(child.wait().is_err(), "its end was taken already");
    });
}
