//! Extended attributes of files.

use core::ffi::CStr;

use bare_uring::opcode;
use bare_uring::types::XattrFlags;

use crate::buffer::Buffer;
use crate::file::File;
use crate::op::Op;
use crate::output::Moved;
use crate::slab::Slab;
use crate::slot::Effect;

/// Extended attributes of files.
impl Slab {
    /// Sets an attribute of an open file to the bytes in the buffer's window, which stays as it is. The result is 0.
    /// Since 5.19.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `ENODATA`: with [`CREATE`](XattrFlags::CREATE) the attribute exists, with
    /// [`REPLACE`](XattrFlags::REPLACE) it does not. `EOPNOTSUPP`: the filesystem has no attributes of that kind; those
    /// of programs begin with `user.`. `ENAMETOOLONG`: the name has more than 255 bytes. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`FSetXattr`](opcode::FSetXattr).
    pub fn fsetxattr(&'static self, file: &File, name: &CStr, value: Buffer, flags: XattrFlags) -> Op<Moved> {
        let fd = file.fd();
        self.named_transfer(Effect::Drain, Some(file), value, &[name], |parts, [name, _]| {
            opcode::FSetXattr::new(fd, name, parts.window.0.cast(), parts.window.1).flags(flags).build()
        })
    }

    /// Sets an attribute of the file at a path, which starts from the working directory, to the bytes in the buffer's
    /// window, which stays as it is. A symbolic link at the path's end is followed. The result is 0. Since 5.19.
    ///
    /// # Errors
    ///
    /// The errors of [`fsetxattr`](Self::fsetxattr), and the kernel's for [`SetXattr`](opcode::SetXattr). `ENAMETOOLONG`:
    /// name and path together have more than 254 bytes; open the file, and use `fsetxattr`.
    pub fn setxattr(&'static self, path: &CStr, name: &CStr, value: Buffer, flags: XattrFlags) -> Op<Moved> {
        self.named_transfer(Effect::Drain, None, value, &[name, path], |parts, [name, path]| {
            opcode::SetXattr::new(name, parts.window.0.cast(), path, parts.window.1).flags(flags).build()
        })
    }

    /// Reads an attribute of an open file into the room after the buffer's window. The result is the attribute's length.
    /// Since 5.19.
    ///
    /// # Errors
    ///
    /// `ENODATA`: the file has no such attribute. `ERANGE`: the attribute is longer than the room. `ENOBUFS`: the buffer
    /// has no room. `EOPNOTSUPP`: the filesystem has no attributes of that kind. `ENAMETOOLONG`: the name has more than
    /// 255 bytes. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`FGetXattr`](opcode::FGetXattr).
    pub fn fgetxattr(&'static self, file: &File, name: &CStr, buffer: Buffer) -> Op<Moved> {
        let fd = file.fd();
        self.named_transfer(Effect::Fill, Some(file), buffer, &[name], |parts, [name, _]| {
            opcode::FGetXattr::new(fd, name, parts.space.0.cast(), parts.space.1).build()
        })
    }

    /// Reads an attribute of the file at a path, which starts from the working directory, into the room after the
    /// buffer's window. A symbolic link at the path's end is followed. The result is the attribute's length. Since 5.19.
    ///
    /// # Errors
    ///
    /// The errors of [`fgetxattr`](Self::fgetxattr), and the kernel's for [`GetXattr`](opcode::GetXattr). `ENAMETOOLONG`:
    /// name and path together have more than 254 bytes; open the file, and use `fgetxattr`.
    pub fn getxattr(&'static self, path: &CStr, name: &CStr, buffer: Buffer) -> Op<Moved> {
        self.named_transfer(Effect::Fill, None, buffer, &[name, path], |parts, [name, path]| {
            opcode::GetXattr::new(name, parts.space.0.cast(), path, parts.space.1).build()
        })
    }
}
