//! Random code that the validator accepts: not what a compiler writes, but what an attacker might.

use super::common::{BUNDLE, Random, Rules};
use zerovm_validator::Dialect;

/// A text of so many bundles.
pub fn text(rules: Rules, random: &mut Random, bundles: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..bundles {
        text.extend(bundle(rules, random));
    }
    text
}

/// A bundle that is accepted wherever it stands: its branches go to bundles.
pub fn bundle(rules: Rules, random: &mut Random) -> [u8; BUNDLE] {
    let mut bundle = [0x90; BUNDLE];
    let mut end = 0;
    for _ in 0..16 {
        let piece = match rules.0 {
            Dialect::Fast if random.chance(2) => piece_of_fast(random),
            _ => piece(random, end),
        };
        let Some(place) = bundle.get_mut(end..end + piece.len()) else {
            continue;
        };
        place.copy_from_slice(&piece);
        if rules.validate(&bundle).is_ok() {
            end += piece.len();
        } else {
            bundle[end..].fill(0x90);
        }
    }
    bundle
}

/// A piece that may be accepted at this place of a bundle.
fn piece(random: &mut Random, at: usize) -> Vec<u8> {
    match random.below(12) {
        0 => index_and_use(random),
        1 => masked_branch(random),
        2 => string(random),
        3 => pointer(random),
        4 => branch(random, at),
        5 => memory(random),
        6 => stack(random),
        _ => anything(random),
    }
}

/// What only dialect `fast` has.
fn piece_of_fast(random: &mut Random) -> Vec<u8> {
    match random.below(8) {
        0 => masked_return(random),
        1 => short_address(random),
        2 => frame(random),
        _ => from_gs(random),
    }
}

/// An operand at gs, with any prefixes behind it.
fn from_gs(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0x65, 0x67];
    if random.chance(3) {
        bytes.push(*random.pick(&[0x66, 0xf2, 0xf3, 0xf0]));
    }
    if random.chance(2) {
        bytes.push(0x40 | random.byte() & 0xf);
    }
    match random.below(4) {
        0 | 1 => bytes.push(*random.pick(&[0x89, 0x8b, 0x01, 0x03, 0x88, 0x8a, 0x87, 0x63, 0xff])),
        2 => bytes.extend([0x0f, random.byte()]),
        _ => bytes.push(random.byte()),
    }
    bytes.extend(operand(random));
    bytes
}

/// Any operand in memory.
fn operand(random: &mut Random) -> Vec<u8> {
    let (mode, rm) = (random.byte() & 0xc0, random.byte() & 0x3f);
    let mode = if mode == 0xc0 { 0 } else { mode };
    let mut bytes = vec![mode | rm];
    let mut displacement_length = [0, 1, 4][usize::from(mode >> 6)];
    if rm & 7 == 4 {
        let sib = random.byte();
        bytes.push(sib);
        if mode == 0 && sib & 7 == 5 {
            displacement_length = 4;
        }
    } else if mode == 0 && rm & 7 == 5 {
        displacement_length = 4;
    }
    bytes.extend(&displacement(random)[..displacement_length]);
    bytes
}

/// The return, often behind an address that leads somewhere, and sometimes damaged.
fn masked_return(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.chance(2) {
        bytes.push(0x50 | random.byte() & 7);
    }
    bytes.extend([
        0x44, 0x8b, 0x1c, 0x24, 0x41, 0x83, 0xe3, 0xe0, 0x4d, 0x01, 0xfb,
    ]);
    bytes.extend([0x4c, 0x89, 0x1c, 0x24, 0xc3]);
    if random.chance(4) {
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
    }
    bytes
}

/// `lea` of a short address, then perhaps its use as an index.
fn short_address(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0x67];
    if random.chance(2) {
        bytes.push(0x40 | random.byte() & 0xb);
    }
    bytes.push(0x8d);
    bytes.extend(operand(random));
    if random.chance(2) {
        bytes.extend([0x41, 0x8b, 0x04, random.byte() & 0xf8 | 7]);
    }
    bytes
}

/// rbp as compilers use it.
fn frame(random: &mut Random) -> Vec<u8> {
    const PIECES: &[&[u8]] = &[
        &[0x5d],
        &[0x55, 0x89, 0xe5],
        &[0x48, 0x89, 0xe5],
        &[0x89, 0xec, 0x4a, 0x8d, 0x24, 0x3c],
        &[0x65, 0x67, 0x8b, 0x65, 0xf8, 0x4c, 0x01, 0xfc],
        &[0x89, 0xed, 0x41, 0x8b, 0x44, 0x2f, 0x08],
        &[0x48, 0x0f, 0xcd],
    ];
    random.pick(PIECES).to_vec()
}

/// A general register; the numbers of rsp, rbp and r15 are among them.
fn register(random: &mut Random) -> u8 {
    random.below(16) as u8
}

/// Random bytes, of which the first are likely to be prefixes and escapes.
fn anything(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.chance(3) {
        bytes.push(*random.pick(&[0x66, 0xf2, 0xf3, 0xf0, 0x67, 0x65, 0x2e]));
    }
    if random.chance(2) {
        bytes.push(0x40 | random.byte() & 0xf);
    }
    match random.below(5) {
        0 | 1 => {}
        2 | 3 => bytes.push(0x0f),
        _ => bytes.extend([0x0f, *random.pick(&[0x38, 0x3a])]),
    }
    for _ in 0..1 + random.below(7) {
        bytes.push(random.byte());
    }
    bytes
}

/// `op %rA, %rB` with 32 bits of the destination, then memory with that as index.
fn index_and_use(random: &mut Random) -> Vec<u8> {
    let index = register(random);
    let source = register(random);
    let operation = *random.pick(&[0x89, 0x01, 0x21, 0x29, 0x31, 0x09, 0x87]);
    let mut bytes = vec![
        0x40 | (source >> 3) << 2 | index >> 3,
        operation,
        0xc0 | (source & 7) << 3 | index & 7,
    ];
    let (base, other) = (*random.pick(&[15, 4, 5]), register(random));
    let wide = if random.chance(2) { 8 } else { 0 };
    bytes.push(0x40 | wide | (other >> 3) << 2 | (index >> 3) << 1 | base >> 3);
    bytes.push(*random.pick(&[0x89, 0x8b, 0x01, 0x03, 0x88, 0x8a, 0x87, 0xc7, 0xff, 0x8f]));
    bytes.push(0x84 | (other & 7) << 3);
    bytes.push(random.byte() & 0xc0 | (index & 7) << 3 | base & 7);
    bytes.extend(displacement(random));
    bytes
}

/// Displacements near and far, to both sides.
fn displacement(random: &mut Random) -> [u8; 4] {
    let near = random.below(1 << 12) as i32;
    random
        .pick(&[near, -near, i32::MAX, i32::MIN, 0, 0x4000_0000])
        .to_le_bytes()
}

fn masked_branch(random: &mut Random) -> Vec<u8> {
    let register = register(random);
    let (high, low) = (register >> 3, register & 7);
    let mask = *random.pick(&[0xe0, 0xe0, 0xe0, 0xf0, 0xc0]);
    let kind = *random.pick(&[0xe0, 0xd0]);
    let mut bytes = vec![0x40 | high, 0x83, 0xe0 | low, mask];
    if random.chance(2) {
        bytes.extend([0x4c | high, 0x01, 0xf8 | low]);
    } else {
        bytes.extend([0x49 | high << 2, 0x03, 0xc7 | low << 3]);
    }
    bytes.extend([0x40 | high, 0xff, kind | low]);
    bytes
}

fn string(random: &mut Random) -> Vec<u8> {
    let source: &[u8] = &[0x89, 0xf6, 0x49, 0x8d, 0x34, 0x37];
    let destination: &[u8] = &[0x8b, 0xff, 0x49, 0x8d, 0x3c, 0x3f];
    let (needs, instructions): (&[&[u8]], &[&[u8]]) = match random.below(3) {
        0 => (&[source], &[&[0xac], &[0xad], &[0xf3, 0xac], &[0x66, 0xad]]),
        1 => (
            &[destination],
            &[
                &[0xaa],
                &[0xf3, 0xab],
                &[0xf2, 0xae],
                &[0x66, 0x0f, 0xf7, 0xc1],
            ],
        ),
        _ => (
            &[source, destination],
            &[&[0xa4], &[0xf3, 0x48, 0xa5], &[0xf3, 0xa6], &[0xa7]],
        ),
    };
    let mut bytes = needs.concat();
    bytes.extend(*random.pick(instructions));
    bytes
}

/// rsp or rbp is computed.
fn pointer(random: &mut Random) -> Vec<u8> {
    let pieces: &[&[u8]] = &[
        &[0x83, 0xec, 0x40, 0x4c, 0x01, 0xfc],
        &[0x81, 0xc4, 0x00, 0x10, 0x00, 0x00, 0x4c, 0x01, 0xfc],
        &[0x89, 0xc4, 0x4a, 0x8d, 0x24, 0x3c],
        &[0x8b, 0x24, 0x24, 0x4c, 0x09, 0xfc],
        &[0x89, 0xdd, 0x4c, 0x01, 0xfd],
        &[0x31, 0xed, 0x4a, 0x8d, 0x6c, 0x3d, 0x00],
        &[0x8d, 0x6c, 0x24, 0x10, 0x4c, 0x01, 0xfd],
        &[0x48, 0x89, 0xe5],
        &[0x48, 0x89, 0xec],
        &[0x48, 0x83, 0xe4, 0x80],
    ];
    random.pick(pieces).to_vec()
}

/// A branch to a bundle that is near.
fn branch(random: &mut Random, at: usize) -> Vec<u8> {
    let bundles = random.below(8) as i32 - 3;
    const OPCODES: &[&[u8]] = &[
        &[0xeb],
        &[0x75],
        &[0x72],
        &[0xe2],
        &[0xe3],
        &[0xe9],
        &[0xe8],
    ];
    let opcode = *random.pick(OPCODES);
    let short = !matches!(opcode, [0xe9 | 0xe8]);
    let length = opcode.len() + if short { 1 } else { 4 };
    let distance = bundles * BUNDLE as i32 - (at + length) as i32;
    let mut bytes = opcode.to_vec();
    if short {
        bytes.push(distance.clamp(-128, 127) as u8);
    } else {
        bytes.extend(distance.to_le_bytes());
    }
    bytes
}

/// Memory below one of the trusted bases.
fn memory(random: &mut Random) -> Vec<u8> {
    let other = register(random);
    let rex = 0x40 | (other >> 3) << 2 | if random.chance(2) { 8 } else { 0 };
    let opcode = *random.pick(&[0x89, 0x8b, 0x01, 0x03, 0xff, 0xc7, 0x8f, 0xd9, 0xdd, 0x63]);
    let reg = (other & 7) << 3;
    let mut bytes = match random.below(4) {
        0 => vec![rex | 1, opcode, 0x87 | reg],
        1 => vec![rex, opcode, 0x84 | reg, 0x24],
        2 => vec![rex, opcode, 0x85 | reg],
        _ => vec![rex, opcode, 0x05 | reg],
    };
    bytes.extend(displacement(random));
    bytes
}

fn stack(random: &mut Random) -> Vec<u8> {
    let register = register(random);
    vec![
        0x40 | register >> 3,
        *random.pick(&[0x50, 0x58]) | register & 7,
    ]
}
