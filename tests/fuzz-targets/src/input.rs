//! Bytes of a fuzzer, as choices and contents.

/// Input of a target: choices first, then content. What is missing is zero, so every input means
/// something.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    /// Returns the next bytes: this many, or fewer at the end.
    pub(crate) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// Returns one of several values.
pub(crate) fn choice<T: Copy>(values: &[T], number: u8) -> T {
    values[usize::from(number) % values.len()]
}

/// Cuts bytes into pieces of many lengths, in the same way for the same seed.
pub(crate) struct Pieces<'a> {
    rest: &'a [u8],
    state: u32,
}

/// Lengths of pieces, around those at which readers do something.
const LENGTHS: [usize; 16] = [
    1, 2, 3, 7, 8, 13, 39, 40, 41, 511, 512, 513, 1024, 8191, 8192, 70_000,
];

impl<'a> Pieces<'a> {
    pub(crate) const fn of(bytes: &'a [u8], seed: u8) -> Self {
        Self {
            rest: bytes,
            state: seed as u32,
        }
    }

    fn next_length(&mut self) -> usize {
        // Constants of Knuth's MMIX would do as well: any mixing does.
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let number = self.state >> 24;
        // Small pieces are slow, so large contents mostly come in large ones.
        let is_large = self.rest.len() > 16 * 1024;
        let index = if is_large {
            13 + number % 3
        } else {
            number % 16
        };
        LENGTHS[index as usize]
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = self.next_length().min(self.rest.len());
        let (piece, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(piece)
    }
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.rest.is_empty() {
            return Ok(0);
        }
        let length = self.next_length().min(self.rest.len()).min(buffer.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(piece);
        self.rest = rest;
        Ok(length)
    }
}
