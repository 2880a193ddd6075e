//! The simulated kernel's releases, compared with the table.

mod source;

use bare_uring::SetupFlags;
use bare_uring_sim::Profile;
use facts::{Kind, NEWEST, Version, bits};
use source::{none, read};

/// Set-up flags that the simulator never has: there is no device to poll.
const NOT_SIMULATED: SetupFlags = SetupFlags::IOPOLL.union(SetupFlags::HYBRID_IOPOLL);

/// Every release from the first with io_uring on.
fn releases() -> impl Iterator<Item = Version> {
    let last_before = |major| if major == 5 || major == 6 { 19 } else { NEWEST.1 };
    (5..=NEWEST.0).flat_map(move |major| (u32::from(major == 5)..=last_before(major)).map(move |minor| (major, minor)))
}

fn profile((major, minor): Version) -> Profile {
    Profile::linux(u8::try_from(major).unwrap(), u8::try_from(minor).unwrap())
}

#[test]
fn each_release_has_what_the_table_says() {
    let newest = profile(NEWEST);
    let mut faults = Vec::new();
    for release in releases() {
        let profile = profile(release);
        let numbers = |kind, simulated: &dyn Fn(u32) -> bool| {
            let rows = facts::FACTS.iter().filter(|fact| fact.kind == kind && fact.since <= release);
            let numbers = rows.map(|fact| u32::try_from(fact.number).unwrap()).filter(|number| simulated(*number));
            numbers.fold(0_u128, |all, number| all | 1 << number)
        };
        let setup = bits(Kind::Setup, release) & !u64::from(NOT_SIMULATED.bits());
        let mut compare = |what: &str, simulated: u128, wanted: u128| {
            if simulated != wanted {
                faults.push(format!("{release:?}: {what} {simulated:#x}, the table has {wanted:#x}"));
            }
        };
        compare("set-up flags", profile.setup.bits().into(), setup.into());
        compare("features", profile.features.bits().into(), bits(Kind::Feature, release).into());
        compare("enter flags", profile.enter.bits().into(), bits(Kind::Enter, release).into());
        compare("entry flags", profile.sqe_flags.into(), bits(Kind::Sqe, release).into());
        let opcodes = numbers(Kind::Opcode, &|number| newest.opcodes >> number & 1 != 0);
        compare("requests", profile.opcodes, opcodes);
        let registrations = numbers(Kind::Register, &|number| newest.registrations >> number & 1 != 0);
        compare("registrations", profile.registrations.into(), registrations);
    }
    none(&faults);
    assert_eq!(releases().last(), Some(NEWEST));
    assert_eq!(releases().count(), 19 + 20 + NEWEST.1 as usize + 1);
}

#[test]
fn its_profiles_and_its_pages_go_to_the_newest_release() {
    let newest = profile(NEWEST);
    assert!(Profile::all().contains(&newest), "Profile::all() lacks {NEWEST:?}");
    let pages = format!("Linux from 5.1 to {}.{}", NEWEST.0, NEWEST.1);
    for page in ["packages/sim/src/lib.rs", "packages/sim/README.md"] {
        assert!(read(page).text.contains(&pages), "{page} does not say: {pages}");
    }
}
