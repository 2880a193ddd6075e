//! `facts KIND`: the rows of a kind, a line each: number, name, and since when as one number that can be compared (6.18 is
//! 618). `facts headers`: a C file that compiles where the kernel's headers have the same numbers and sizes.

use std::process::ExitCode;

use facts::{FACTS, Fact, Kind};

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    let kind = match argument.as_str() {
        "headers" => {
            FACTS.iter().for_each(assertion);
            return ExitCode::SUCCESS;
        }
        "opcodes" => Kind::Opcode,
        "registrations" => Kind::Register,
        _ => {
            eprintln!("usage: facts headers | opcodes | registrations");
            return ExitCode::from(2);
        }
    };
    for fact in FACTS.iter().filter(|fact| fact.kind == kind) {
        let (major, minor) = fact.since;
        println!("{} {} {}", fact.number, fact.name, 100 * major + minor);
    }
    ExitCode::SUCCESS
}

/// The comparison of a row with the headers: as the type that they give the number, whose sign may be another.
fn assertion(fact: &Fact) {
    let Fact { kind, name, number, .. } = fact;
    match kind {
        Kind::Item | Kind::Command | Kind::Words => {}
        Kind::Structure => println!("_Static_assert(sizeof(struct {name}) == {number}, \"struct {name}\");"),
        _ => println!("_Static_assert(({name}) == (__typeof__({name})){number}LL, \"{name}\");"),
    }
}
