//! Seeded numbers, and what makes sound bytes hostile: shared by the tests of all protocols.

/// xorshift64*: small, seeded, good enough to be hostile.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// Inclusive.
    pub fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    pub fn word(&mut self) -> u16 {
        self.next() as u16
    }

    pub fn words(&mut self, low: u64, high: u64) -> Vec<u16> {
        (0..self.range(low, high)).map(|_| self.word()).collect()
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }
}

/// Spoils a sound frame in up to three places (now and then none): cuts, insertions, flipped bits, the largest numbers, the frame once more,
/// noise. `lie` adds what only the protocol knows: wrong lengths, counts and ids, at a place and with a byte to use.
pub fn spoil(
    frame: &[u8],
    out: &mut Vec<u8>,
    rng: &mut Rng,
    mut lie: impl FnMut(&mut Vec<u8>, usize, u8, &mut Rng),
) {
    out.clear();
    out.extend_from_slice(frame);
    for _ in 0..rng.range(0, 3) {
        let at = rng.range(0, out.len().max(1) as u64 - 1) as usize;
        let byte = rng.byte();
        match rng.range(0, 9) {
            0 => out.truncate(at),
            1 | 2 => out.iter_mut().skip(at).take(1).for_each(|b| *b ^= 1 << (byte & 7)),
            3 => out.insert(at.min(out.len()), byte),
            4 => out.iter_mut().skip(at).take(4).for_each(|b| *b = 0xFF),
            5 => out.extend_from_slice(frame),
            6..=8 => lie(out, at, byte, rng),
            _ => {
                out.clear();
                let count = rng.range(0, 64) as usize;
                out.extend(rng.bytes(count));
            }
        }
    }
}

/// A million frames that were sound once. Enough of them must still be understood, or the test proves nothing.
pub fn hostile(seed: u64, sound: &[Vec<u8>], mut look: impl FnMut(&[u8]) -> bool) {
    const FRAMES: u64 = 1_000_000;
    let (mut rng, mut frame, mut understood) = (Rng::new(seed), Vec::new(), 0u64);
    for round in 0..FRAMES {
        let sound = &sound[round as usize % sound.len()];
        spoil(sound, &mut frame, &mut rng, |_, _, _, _| {});
        understood += u64::from(look(&frame));
    }
    assert!(understood > FRAMES / 10 && understood < FRAMES, "{understood}");
}
