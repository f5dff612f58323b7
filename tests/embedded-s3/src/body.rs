//! Bodies that are generated while they are sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Body of this many zero bytes, never more than 64 KiB at once.
#[derive(Debug)]
pub(crate) struct Zeros(pub(crate) u64);

impl Body for Zeros {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let wanted = usize::try_from(self.0).unwrap_or(usize::MAX);
        let chunk = ZEROS.get(..wanted).unwrap_or(&ZEROS);
        self.0 -= chunk.len() as u64;
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(Bytes::from_static(chunk)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

/// Body that breaks off.
#[derive(Debug)]
pub(crate) struct Truncated {
    next: Step,
    /// Length of the whole body, which the answer states.
    promised: u64,
}

#[derive(Debug)]
enum Step {
    Send(Bytes),
    /// Lets the connection flush what it was given.
    Pause,
    Break,
}

impl Truncated {
    /// Sends these bytes of a body that was promised to be so long.
    pub(crate) fn new(sent: Bytes, promised: u64) -> Self {
        Self {
            next: Step::Send(sent),
            promised,
        }
    }
}

impl Body for Truncated {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match std::mem::replace(&mut self.next, Step::Break) {
            Step::Send(bytes) => {
                self.next = Step::Pause;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Step::Pause => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Step::Break => Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::BrokenPipe)))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

/// Body whose first byte has its lowest bit flipped.
#[derive(Debug)]
pub(crate) struct Flipped<B> {
    body: B,
    is_flipped: bool,
}

impl<B> Flipped<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body,
            is_flipped: false,
        }
    }

    fn flip(&mut self, bytes: Bytes) -> Bytes {
        let mut bytes = Vec::from(bytes);
        if let Some(first) = bytes.first_mut().filter(|_| !self.is_flipped) {
            *first ^= 1;
            self.is_flipped = true;
        }
        bytes.into()
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Flipped<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| Ok(frame?.map_data(|bytes| self.flip(bytes)))))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
