//! Buffers and places, without a kernel: against a plain vector, and to the last of each.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

use bare_uring_ops::{Buffer, Slab, Storage};
use bare_uring_sim::Random;

fn slab() -> &'static Slab {
    Box::leak(Box::new(Storage::<2, 2, 3, 40>::new())).start().expect("fresh")
}

/// What a buffer should be: the number of bytes before its window, and the window.
#[derive(Default)]
struct Model {
    before: usize,
    window: Vec<u8>,
}

impl Model {
    fn room(&self) -> usize {
        40 - self.before - self.window.len()
    }

    fn assert_is(&self, buffer: &Buffer) {
        assert_eq!((buffer.capacity(), buffer.room(), &**buffer), (40, self.room(), &*self.window));
    }
}

/// Picks a count that is small most of the time, and sometimes as large as can be.
fn count(random: &mut Random) -> usize {
    match random.below(16) {
        0 => usize::MAX,
        1 => usize::MAX - 1,
        // Cut to 32 bits this is 0.
        2 => usize::MAX - u32::MAX as usize,
        _ => random.below(12) as usize,
    }
}

#[test]
fn a_buffer_is_a_window_on_its_bytes() {
    let slab = slab();
    let mut random = Random::new(1);
    for _ in 0..200 {
        let (mut buffer, mut model) = (slab.buffer().expect("one"), Model::default());
        for _ in 0..100 {
            match random.below(10) {
                0..4 => {
                    let bytes: Vec<u8> = (0..random.below(12)).map(|_| random.below(256) as u8).collect();
                    let taken = bytes.len().min(model.room());
                    assert_eq!(buffer.extend(&bytes), taken);
                    model.window.extend(&bytes[..taken]);
                }
                4 => {
                    let count = count(&mut random);
                    buffer.consume(count);
                    let gone = model.window.drain(..count.min(model.window.len())).count();
                    model.before += gone;
                }
                5 => {
                    let len = count(&mut random);
                    buffer.truncate(len);
                    model.window.truncate(len);
                }
                6 => {
                    buffer.compact();
                    model.before = 0;
                }
                7 => {
                    // Text goes in whole or not at all.
                    let text = "text of some length";
                    let text = &text[..random.below(text.len() as u32) as usize];
                    let fits = text.len() <= model.room();
                    assert_eq!(write!(buffer, "{text}").is_ok(), fits);
                    model.window.extend(text.as_bytes().iter().filter(|_| fits));
                }
                8 => {
                    let count = count(&mut random);
                    let spare = buffer.spare();
                    assert_eq!(spare.len(), model.room());
                    spare.fill(7);
                    buffer.grow(count);
                    model.window.resize(model.window.len() + count.min(model.room()), 7);
                }
                _ if random.chance(1, 8) => {
                    buffer.clear();
                    model = Model::default();
                }
                _ => {
                    let byte = random.below(256) as u8;
                    buffer.iter_mut().for_each(|each| *each ^= byte);
                    model.window.iter_mut().for_each(|each| *each ^= byte);
                }
            }
            model.assert_is(&buffer);
        }
    }
}

#[test]
fn buffers_are_apart_and_the_last_one_given_back_is_the_next() {
    let slab = slab();
    let mut buffers: Vec<Buffer> = std::iter::from_fn(|| slab.buffer()).take(9).collect();
    assert_eq!(buffers.len(), 3);
    for (number, buffer) in (1..).zip(&mut buffers) {
        assert_eq!(buffer.extend(&[number; 41]), 40);
    }
    for (number, buffer) in (1..).zip(&buffers) {
        assert_eq!(**buffer, [number; 40]);
    }
    let places = [&buffers[1], &buffers[0]].map(|buffer| buffer.as_ptr());
    drop(buffers.remove(0));
    drop(buffers.remove(0));
    // Their windows are empty, whatever they were before.
    for place in places {
        let again = slab.buffer().expect("one of two");
        assert_eq!((again.as_ptr(), again.len(), again.room()), (place, 0, 40));
        buffers.push(again);
    }
    assert!(slab.buffer().is_none());
}

#[test]
fn handles_show_what_they_are() {
    let slab = slab();
    let mut buffer = slab.buffer().expect("one");
    assert_eq!(buffer.extend(b"window"), 6);
    buffer.consume(2);
    assert_eq!(format!("{buffer:?}"), "Buffer { capacity: 40, start: 2, end: 6, .. }");
    assert_eq!(format!("{:?}", slab.nop()), "Op { over: false, .. }");
}
