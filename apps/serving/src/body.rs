//! The bodies of requests: how large they may be, and how long they may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::time::Sleep;

/// The largest body that is taken, in bytes.
pub const LIMIT: usize = 64 << 10;

/// How much of a body that is too large is read before it is refused, in bytes. A client that is cut off while it sends
/// would not see why.
const PATIENCE: usize = 4 << 20;

/// How long a whole body may take.
const DURATION: Duration = Duration::from_secs(15);

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than [`LIMIT`].
    TooLarge,
    /// It broke off, or took too long.
    BrokeOff,
}

/// Reads a whole body.
pub(crate) async fn read(mut body: Body) -> Result<Vec<u8>, Unread> {
    let announced = body.size_hint().lower();
    let mut bytes = Vec::with_capacity(usize::try_from(announced).unwrap_or(LIMIT).min(LIMIT));
    let mut size = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::BrokeOff)?.into_data() else { continue };
        size += data.len();
        if size <= LIMIT {
            bytes.extend_from_slice(&data);
        } else if size > PATIENCE {
            break;
        }
    }
    if size > LIMIT { Err(Unread::TooLarge) } else { Ok(bytes) }
}

/// A body that must be there within [`DURATION`].
pub(crate) fn timed<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    if body.is_end_stream() {
        return Body::empty();
    }
    Body::new(Timed { body, end: Box::pin(tokio::time::sleep(DURATION)) })
}

struct Timed<B> {
    body: B,
    end: Pin<Box<Sleep>>,
}

impl<B> HttpBody for Timed<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => self.end.as_mut().poll(cx).map(|()| Some(Err("the body took too long".into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_what_is_small_enough() {
        assert_eq!(read(Body::from(vec![7; LIMIT])).await, Ok(vec![7; LIMIT]));
        assert_eq!(read(Body::empty()).await, Ok(Vec::new()));
        assert_eq!(read(Body::from(vec![7; LIMIT + 1])).await, Err(Unread::TooLarge));
    }

    #[tokio::test(start_paused = true)]
    async fn gives_up_on_a_body_that_never_ends() {
        assert_eq!(read(timed(Silent)).await, Err(Unread::BrokeOff));
    }

    /// A body of which nothing comes.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Pending
        }
    }
}
