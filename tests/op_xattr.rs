//! Extended attributes on the real kernel, on every kind of ring, by descriptor, by slot and by path.

mod common;

use common::needs;

use bare_uring::types::XattrFlags;
use bare_uring::{Errno, opcode};
use common::any_ring::{on_each, on_each_with_file};
use common::files::{NO_FILES, Scratch, nowhere};
use common::skip;

const CREATE: XattrFlags = XattrFlags(1);
const REPLACE: XattrFlags = XattrFlags(2);

/// A directory whose filesystem has attributes of users.
fn scratch(test: &str) -> Option<Scratch> {
    let scratch = Scratch::new(test);
    let file = scratch.file("f", b"");
    let outcome = rustix::fs::fsetxattr(&file, c"user.probe", b"1", rustix::fs::XattrFlags::empty());
    if outcome == Err(rustix::io::Errno::OPNOTSUPP) {
        skip(test, "extended attributes on the filesystem of temporary files");
        return None;
    }
    outcome.unwrap();
    Some(scratch)
}

#[test]
fn an_open_file_keeps_what_it_is_given() {
    needs!(6, 13, "registered files for IORING_OP_FGETXATTR");
    let Some(scratch) = scratch("fsetxattr") else { return };
    let open = scratch.file("f", b"");
    on_each_with_file(&open, |ring, file| {
        let name = c"user.colour";
        let _ = rustix::fs::fremovexattr(&open, name);
        let mut set = |value: &[u8], flags| {
            let (at, len) = (value.as_ptr().cast(), value.len() as u32);
            ring.run(for_file!(file, |f| opcode::FSetXattr::new(f, name.as_ptr(), at, len).flags(flags).build()))
        };
        assert_eq!(set(b"none", REPLACE), Err(Errno::ENODATA));
        assert_eq!(set(b"red", CREATE), Ok(0));
        assert_eq!(set(b"blue", CREATE), Err(Errno::EEXIST));
        assert_eq!(set(b"green", REPLACE), Ok(0));
        assert_eq!(set(b"black", XattrFlags(1 << 20)), Err(Errno::EINVAL));

        let mut value = heapless::Vec::<u8, 16>::from_array([0; 16]);
        let at = value.as_mut_ptr();
        let mut get =
            |len| ring.run(for_file!(file, |f| opcode::FGetXattr::new(f, name.as_ptr(), at.cast(), len).build()));
        assert_eq!([get(16), get(0), get(4)], [Ok(5), Ok(5), Err(Errno::ERANGE)]);
        value.truncate(5);
        assert_eq!(value, b"green", "{}", ring.kind());
    });
}

#[test]
fn an_open_file_refuses_what_is_wrong() {
    needs!(6, 13, "registered files for IORING_OP_FGETXATTR");
    let Some(scratch) = scratch("fgetxattr") else { return };
    let mut value = [0_u8; 4];
    let at = value.as_mut_ptr();
    on_each_with_file(&scratch.file("f", b""), |ring, file| {
        let mut both = |name: *const core::ffi::c_char, at: *mut u8| {
            let set = for_file!(file, |f| opcode::FSetXattr::new(f, name, at.cast(), 4).build());
            let get = for_file!(file, |f| opcode::FGetXattr::new(f, name, at.cast(), 4).build());
            [ring.run(set), ring.run(get)]
        };
        assert_eq!(both(c"nonsense.x".as_ptr(), at), [Err(Errno::EOPNOTSUPP); 2]);
        assert_eq!(both(c"".as_ptr(), at), [Err(Errno::ERANGE); 2]);
        assert_eq!(both(nowhere(), at), [Err(Errno::EFAULT); 2]);
        assert_eq!(both(c"user.missing".as_ptr(), nowhere()), [Err(Errno::EFAULT), Err(Errno::ENODATA)]);
        for none in NO_FILES {
            let set = for_file!(none, |f| opcode::FSetXattr::new(f, c"user.x".as_ptr(), at.cast(), 4).build());
            let get = for_file!(none, |f| opcode::FGetXattr::new(f, c"user.x".as_ptr(), at.cast(), 4).build());
            assert_eq!([ring.run(set), ring.run(get)], [Err(Errno::EBADF); 2], "{}", ring.kind());
        }
    });
}

#[test]
fn a_path_leads_to_the_same() {
    let Some(scratch) = scratch("setxattr") else { return };
    let path = scratch.c_path("f");
    let open = scratch.file("f", b"");
    on_each(|ring| {
        let name = c"user.shape";
        let _ = rustix::fs::fremovexattr(&open, name);
        let mut value = *b"round...";
        let at = value.as_mut_ptr();
        let mut set =
            |flags| ring.run(opcode::SetXattr::new(name.as_ptr(), at.cast(), path.as_ptr(), 5).flags(flags).build());
        assert_eq!([set(REPLACE), set(CREATE), set(CREATE)], [Err(Errno::ENODATA), Ok(0), Err(Errno::EEXIST)]);
        value.fill(b'.');
        let mut get = |len| ring.run(opcode::GetXattr::new(name.as_ptr(), at.cast(), path.as_ptr(), len).build());
        assert_eq!([get(3), get(8)], [Err(Errno::ERANGE), Ok(5)]);
        assert_eq!(&value, b"round...", "{}", ring.kind());

        let missing = scratch.c_path("nothing");
        let refused: [(*const core::ffi::c_char, Errno); 2] =
            [(missing.as_ptr(), Errno::ENOENT), (nowhere(), Errno::EFAULT)];
        for (path, errno) in refused {
            let set = opcode::SetXattr::new(name.as_ptr(), at.cast(), path, 5).build();
            let get = opcode::GetXattr::new(name.as_ptr(), at.cast(), path, 5).build();
            assert_eq!([ring.run(set), ring.run(get)], [Err(errno); 2], "{}", ring.kind());
        }
    });
}
