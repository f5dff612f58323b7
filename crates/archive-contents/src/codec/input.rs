//! Input with a look ahead.

use std::io::{self, BufRead, Read};

/// Size of the buffer, in bytes: fewer, larger reads gain nothing measurable.
const BUFFER: usize = 64 * 1024;

/// Buffered reader that can look ahead, however small the pieces are that its reader returns.
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Part of the buffer that was not taken yet.
    start: usize,
    end: usize,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
        }
    }

    /// Returns the next bytes without taking them: this many, or fewer if the input ends.
    pub(super) fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        if self.start > 0 && self.unread().len() < bytes {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.unread().len() < bytes.min(BUFFER) {
            if self.fill()? == 0 {
                break;
            }
        }
        let unread = self.unread();
        Ok(unread.get(..bytes).unwrap_or(unread))
    }

    /// Returns all that is in the buffer, and some bytes before it that were taken, if they still are.
    pub(super) fn around(&self, before: usize) -> &[u8] {
        let from = self.start.saturating_sub(before);
        self.buffer.get(from..self.end).unwrap_or_default()
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads into the free end of the buffer, and returns how many bytes.
    fn fill(&mut self) -> io::Result<usize> {
        let free = self.buffer.get_mut(self.end..).unwrap_or_default();
        let length = free.len();
        loop {
            match self.reader.read(free) {
                Ok(bytes) => {
                    let bytes = bytes.min(length);
                    self.end += bytes;
                    return Ok(bytes);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let taken = self.fill_buf()?.read(bytes)?;
        self.consume(taken);
        Ok(taken)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.fill()?;
        }
        Ok(self.unread())
    }

    fn consume(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
    }
}
