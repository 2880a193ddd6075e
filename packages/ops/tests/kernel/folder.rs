//! A directory of a test's own.

use std::ffi::CString;
use std::fs;
use std::path::PathBuf;

use bare_uring_ops::{File, Slab};

use crate::setting::adopt;

/// A directory that is removed in the end.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty directory for this test.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bare-uring-ops-{name}-{}", std::process::id()));
        // One may be left of a test that failed, in a process with this number.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// Opens the directory, to start paths from.
    pub fn open(&self, slab: &'static Slab) -> File {
        adopt(slab, fs::File::open(&self.0).expect("the directory"))
    }

    /// Makes a file with this content, open for reading and writing.
    pub fn file(&self, slab: &'static Slab, name: &str, content: &[u8]) -> File {
        fs::write(self.path(name), content).expect("write");
        adopt(slab, fs::File::options().read(true).write(true).open(self.path(name)).expect("open"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Returns a whole path as the kernel takes it.
    pub fn name(&self, name: &str) -> CString {
        CString::new(self.path(name).to_str().expect("text")).expect("no zero in it")
    }

    /// Returns the names in the directory, in order.
    pub fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).expect("the directory").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().expect("text")).collect();
        names.sort();
        names
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("read")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
