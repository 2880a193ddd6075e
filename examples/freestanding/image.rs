//! The layout of the programs on x86_64, as a linker script. The build scripts of the programs include this file.
//!
//! A linker that writes an ELF file adds what these programs have no use for: a program header that describes the program
//! headers, and a segment for constants alone. In place of the section table, rust-lld leaves zeroes, and GNU ld before 2.41
//! leaves the table. So the linker is told to write nothing but the program's memory (`--oformat=binary`), and the headers are the
//! first part of that memory.

use std::fmt::Write as _;

/// Bits of a segment's access.
const EXECUTE: u32 = 1;
const WRITE: u32 = 2;
const READ: u32 = 4;

/// The ELF header. `SEGMENTS` stands for the number of program headers.
const HEADER: &str = "
    LONG(0x464c457f) BYTE(2) BYTE(1) BYTE(1)    /* ELF, 64 bits, little endian, version 1 */
    BYTE(0) QUAD(0)                             /* ABI of System V */
    SHORT(2) SHORT(62) LONG(1)                  /* executable at fixed addresses, x86_64, version 1 */
    QUAD(_start)
    QUAD(64) QUAD(0)                            /* the program headers follow, there is no section table */
    LONG(0) SHORT(64)                           /* no flags, size of this header */
    SHORT(56) SHORT(SEGMENTS)                   /* size and number of program headers */
    SHORT(64) SHORT(0) SHORT(0)                 /* size and number of sections, none has their names */
";

/// Returns the program header of the memory between two symbols. The part up to `filled` is in the file.
fn load(access: u32, start: &str, filled: &str, end: &str) -> String {
    format!(
        "
    LONG(1) LONG({access}) QUAD({start} - image)
    QUAD({start}) QUAD({start}) QUAD({filled} - {start}) QUAD({end} - {start}) QUAD(0x1000)
"
    )
}

/// Returns the program header of the stack (`PT_GNU_STACK`). Without it old kernels let the program execute all that it can read.
// kernel: fs/binfmt_elf.c load_elf_binary (6.12.117): the header's access decides whether the stack is executable.
// kernel: arch/x86/include/asm/elf.h elf_read_implies_exec (6.12.117): without the header, a 64-bit program's stack is not
// executable either.
fn stack() -> String {
    let access = READ | WRITE;
    format!("\n    LONG(0x6474e551) LONG({access}) QUAD(0) QUAD(0) QUAD(0) QUAD(0) QUAD(0) QUAD(16)\n")
}

/// Returns the script. A program without static data needs no segment for it, and links only if it has none.
///
/// Nothing is both writable and executable. Code and constants share a segment, as they would share pages in any case.
pub fn script(has_data: bool) -> String {
    let mut segments = vec![load(READ | EXECUTE, "image", "code_end", "code_end"), stack()];
    if has_data {
        segments.push(load(READ | WRITE, "data", "data_filled", "data_end"));
    }
    let mut headers = HEADER.replace("SEGMENTS", &segments.len().to_string());
    for segment in &segments {
        headers += segment;
    }
    let mut script = format!(
        "ENTRY(_start)
SECTIONS
{{
  /* Nothing unwinds. */
  /DISCARD/ : {{ *(.eh_frame .eh_frame_hdr .gcc_except_table .gcc_except_table.* .comment .note .note.* .data.DW.ref.*) }}
  . = 0x200000;
  image = .;
  .headers : {{ {headers} }}
  .text : {{ *(.text .text.*) }}
  /* Nothing is relocated when the program starts, so addresses are constants. */
  .rodata : {{ *(.rodata .rodata.* .data.rel.ro .data.rel.ro.* .got .got.plt) }}
  code_end = .;
  . = ALIGN(0x1000);
  data = .;
  .data : {{ *(.data .data.*) }}
  data_filled = .;
  .bss : {{ *(.bss .bss.*) }}
  data_end = .;
}}
"
    );
    if !has_data {
        writeln!(script, "ASSERT(data == data_end, \"the layout has no segment for static data\")")
            .expect("a string grows");
    }
    script
}
