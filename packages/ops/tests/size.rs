//! How much memory a storage takes, against what its documentation says.

use bare_uring_ops::Storage;

/// Returns the size of a storage of this many operations, files and buffers of this size.
macro_rules! size {
    ($operations:literal, $files:literal, $buffers:literal, $size:literal) => {
        size_of::<Storage<$operations, $files, $buffers, $size>>()
    };
}

#[test]
#[cfg_attr(not(target_pointer_width = "64"), ignore = "the figures are those of 64 bits")]
fn the_documentation_tells_what_a_storage_takes() {
    // A thousand of each, so that the sum is a multiple of every alignment.
    let empty = size!(0, 0, 0, 0);
    let rows = [
        ("the storage itself", empty),
        ("an operation", (size!(1000, 0, 0, 0) - empty) / 1000),
        ("a file", (size!(0, 1000, 0, 0) - empty) / 1000),
        ("a buffer, beside its bytes", (size!(0, 0, 1000, 0) - empty) / 1000),
    ];
    let text = include_str!("../src/storage.rs");
    for (what, bytes) in rows {
        let row = format!("/// | {what} | {bytes} |");
        assert!(text.contains(&row), "no row: {row}");
    }
    // Together they are all that there is, up to the alignment of the parts.
    let sum = empty + 100 * (rows[1].1 + rows[2].1) + 50 * (rows[3].1 + 4096);
    let all = size!(100, 100, 50, 4096);
    assert!(all.abs_diff(sum) <= 32, "{all} bytes, not {sum}");
}

#[test]
fn a_new_storage_takes_no_room_in_the_programs_file() {
    static STORAGE: Storage<4096, 4096, 1024, 4096> = Storage::new();

    // The middle of the storage, which is far from what lies beside it.
    let address = (&raw const STORAGE).addr() + size_of_val(&STORAGE) / 2;
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the kernel's list of mappings");
    let is_inside = |line: &&str| {
        let (start, end) = line.split_once(' ').and_then(|(range, _)| range.split_once('-')).expect("a range");
        let [start, end] = [start, end].map(|hex| usize::from_str_radix(hex, 16).expect("an address"));
        (start..end).contains(&address)
    };
    let line = maps.lines().find(is_inside).expect("a mapping");
    // The fifth field is the file's inode.
    assert_eq!(line.split_whitespace().nth(4), Some("0"), "{line}");
}
