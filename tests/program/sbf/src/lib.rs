//! One operation per lowering of the sBPF build, chosen by the instruction's data.
//!
//! Data: operation (u8), then operands. The answer goes out as return data. Nothing here depends on
//! Solana's crates, so that it builds in seconds.

// Arithmetic that wraps and overflows is what is tested.
#![allow(clippy::arithmetic_side_effects)]
// So are long argument lists.
#![allow(clippy::too_many_arguments)]

#[cfg(target_os = "solana")]
mod program {
    /// Number of the system call `sol_set_return_data`: the murmur3 hash of its name.
    const SET_RETURN_DATA: usize = 0xa226_d3eb;

    fn answer(bytes: &[u8]) {
        // SAFETY: the virtual machine calls a system call at the hash of its name.
        let call: extern "C" fn(*const u8, u64) = unsafe { core::mem::transmute(SET_RETURN_DATA) };
        call(bytes.as_ptr(), bytes.len() as u64);
    }

    /// Entered by the loader with the serialised instruction: the number of accounts (u64, none are
    /// given), the length of the data (u64), the data.
    ///
    /// # Safety
    /// `input` is what the loader gives.
    #[no_mangle]
    pub unsafe extern "C" fn entrypoint(input: *const u8) -> u64 {
        let length = input.add(8).cast::<u64>().read_unaligned() as usize;
        let data = core::slice::from_raw_parts(input.add(16), length);
        super::run(data[0], &data[1..], &mut |bytes| answer(bytes));
        0
    }
}

fn word(data: &[u8], index: usize) -> u64 {
    u64::from_le_bytes(data[index * 8..index * 8 + 8].try_into().unwrap())
}

fn wide(data: &[u8], index: usize) -> u128 {
    u128::from_le_bytes(data[index * 16..index * 16 + 16].try_into().unwrap())
}

/// More than five arguments, with a wide one among them that straddles the registers.
type Many = fn(u64, u64, u32, u128, u64, i8, u64, bool) -> u64;

#[inline(never)]
fn many(a: u64, b: u64, c: u32, d: u128, e: u64, f: i8, g: u64, h: bool) -> u64 {
    let folded = a ^ b.rotate_left(1) ^ u64::from(c).rotate_left(2) ^ (d as u64).rotate_left(3);
    let rest =
        ((d >> 64) as u64).rotate_left(4) ^ e.rotate_left(5) ^ (f as i64 as u64).rotate_left(6);
    folded ^ rest ^ g.rotate_left(7) ^ u64::from(h)
}

#[inline(never)]
fn many_reversed(a: u64, b: u64, c: u32, d: u128, e: u64, f: i8, g: u64, h: bool) -> u64 {
    !many(g, e, c, d.rotate_left(64), b, f, a, !h)
}

/// Chosen at run time, so that the call stays indirect.
static TABLE: [Many; 2] = [many, many_reversed];

trait Shape {
    fn area(&self, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u128;
}
struct Sum(u64);
struct Product(u64);
impl Shape for Sum {
    #[inline(never)]
    fn area(&self, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u128 {
        [self.0, a, b, c, d, e, f]
            .iter()
            .map(|x| u128::from(*x))
            .sum()
    }
}
impl Shape for Product {
    #[inline(never)]
    fn area(&self, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> u128 {
        [self.0, a, b, c, d, e, f]
            .iter()
            .fold(1, |p: u128, x| p.wrapping_mul(u128::from(*x)))
    }
}

#[inline(never)]
fn recursive(depth: u64, a: u64, b: u64, c: u64, d: u64, e: u64) -> (u64, u128) {
    if depth == 0 {
        return (a ^ c ^ e, u128::from(b) << 64 | u128::from(d));
    }
    let (low, high) = recursive(depth - 1, b, c, d, e, a.wrapping_add(depth));
    (low.wrapping_mul(3) ^ a, high.wrapping_add(u128::from(b)))
}

/// A result in memory.
struct Aggregate {
    sum: u128,
    difference: i64,
    flags: [bool; 3],
}

#[inline(never)]
fn aggregate(a: u64, b: u64) -> Aggregate {
    Aggregate {
        sum: u128::from(a) + u128::from(b),
        difference: a.wrapping_sub(b) as i64,
        flags: [a < b, a == b, a > b],
    }
}

#[inline(never)]
fn wide_result(a: u128, b: u128) -> u128 {
    a.rotate_left(17) ^ b
}

fn flagged(value: Option<[u8; 16]>) -> [u8; 17] {
    let mut out = [0; 17];
    if let Some(bytes) = value {
        out[0] = 1;
        out[1..].copy_from_slice(&bytes);
    }
    out
}

fn signed(data: &[u8]) -> (i128, i128) {
    (wide(data, 0) as i128, wide(data, 1) as i128)
}

/// Runs an operation and hands its answer on.
pub fn run(operation: u8, data: &[u8], answer: &mut dyn FnMut(&[u8])) {
    match operation {
        0 => answer(&wide(data, 0).wrapping_mul(wide(data, 1)).to_le_bytes()),
        1 => answer(&(wide(data, 0) / wide(data, 1)).to_le_bytes()),
        2 => answer(&(wide(data, 0) % wide(data, 1)).to_le_bytes()),
        3 => answer(&signed(data).0.wrapping_div(signed(data).1).to_le_bytes()),
        4 => answer(&signed(data).0.wrapping_rem(signed(data).1).to_le_bytes()),
        5 => answer(&flagged(
            wide(data, 0)
                .checked_mul(wide(data, 1))
                .map(u128::to_le_bytes),
        )),
        6 => answer(&flagged(
            signed(data)
                .0
                .checked_mul(signed(data).1)
                .map(i128::to_le_bytes),
        )),
        7 => {
            let product = word(data, 0).checked_mul(word(data, 1));
            answer(&flagged(product.map(|p| u128::from(p).to_le_bytes())));
        }
        8 => {
            let product = (word(data, 0) as i64).checked_mul(word(data, 1) as i64);
            answer(&flagged(product.map(|p| i128::from(p).to_le_bytes())));
        }
        9 => answer(&flagged(
            wide(data, 0)
                .checked_add(wide(data, 1))
                .map(u128::to_le_bytes),
        )),
        10 => answer(&flagged(
            signed(data)
                .0
                .checked_sub(signed(data).1)
                .map(i128::to_le_bytes),
        )),
        11 => {
            let by = (wide(data, 1) & 127) as u32;
            answer(&(wide(data, 0) << by).to_le_bytes());
        }
        12 => {
            let by = (wide(data, 1) & 127) as u32;
            answer(&(signed(data).0 >> by).to_le_bytes());
        }
        13 => {
            let by = (wide(data, 1) & 127) as u32;
            answer(&(wide(data, 0) >> by).to_le_bytes());
        }
        20..=22 => {
            let w = |index| word(data, index);
            let (c, d, f, h) = (w(2) as u32, wide(&data[24..], 0), w(5) as i8, w(7) & 1 == 1);
            let call = match operation {
                20 => many,
                _ => TABLE[usize::from(operation - 21)],
            };
            answer(&call(w(0), w(1), c, d, w(6), f, w(8), h).to_le_bytes());
        }
        23 | 24 => {
            let w = |index| word(data, index);
            let shapes: [&dyn Shape; 2] = [&Sum(w(0)), &Product(w(0))];
            let shape = shapes[usize::from(operation - 23)];
            answer(&shape.area(w(1), w(2), w(3), w(4), w(5), w(6)).to_le_bytes());
        }
        25 => {
            let w = |index| word(data, index);
            let (low, high) = recursive(w(0), w(1), w(2), w(3), w(4), w(5));
            let mut out = [0; 24];
            out[..8].copy_from_slice(&low.to_le_bytes());
            out[8..].copy_from_slice(&high.to_le_bytes());
            answer(&out);
        }
        26 => {
            let made = aggregate(word(data, 0), word(data, 1));
            let mut out = [0; 27];
            out[..16].copy_from_slice(&made.sum.to_le_bytes());
            out[16..24].copy_from_slice(&made.difference.to_le_bytes());
            out[24..].copy_from_slice(&made.flags.map(u8::from));
            answer(&out);
        }
        27 => answer(&wide_result(wide(data, 0), wide(data, 1)).to_le_bytes()),
        30 => {
            // memcpy and memmove of any length, to an unaligned place, overlapping
            let (length, shift) = (usize::from(data[0]), usize::from(data[1]));
            let mut buffer = [0u8; 600];
            buffer[3..3 + length].copy_from_slice(&data[2..2 + length]);
            buffer.copy_within(3..3 + length, 3 + shift);
            answer(&buffer);
        }
        31 => {
            // memcmp of any length
            let half = data.len() >> 1;
            let order = data[..half].cmp(&data[half..half * 2]);
            answer(&[
                order as i8 as u8,
                u8::from(data[..half] == data[half..half * 2]),
            ]);
        }
        40 => panic!("at the disco {}", data.len()),
        41 => answer(&[data[usize::from(data[0])]]),
        42 => answer(&(word(data, 0) + word(data, 1)).to_le_bytes()),
        43 => answer(&[data.get(usize::from(data[0])).copied().unwrap()]),
        44 => answer(&(word(data, 0) / word(data, 1)).to_le_bytes()),
        45 => answer(&(wide(data, 0) * wide(data, 1)).to_le_bytes()),
        _ => answer(&[]),
    }
}
