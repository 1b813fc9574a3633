//! How messages are put into gRPC frames: as prost does it, with small buffers.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec as TonicCodec, EncodeBuf, Encoder as TonicEncoder};
use tonic_prost::{ProstCodec, ProstDecoder};

/// How many bytes a stream's buffer begins with, in each direction. It grows to what its messages need.
///
/// Each call has four of them, and a participant's stream is open for as long as they are there: with tonic's 8 KiB ten
/// thousand quiet participants take 320 MB for nothing.
const BUFFER: usize = 256;
/// After how many bytes waiting messages are sent together.
const TOGETHER: usize = 32 * 1024;

/// The codec of all services: [`ProstCodec`] on the wire, with buffers for many quiet streams.
#[derive(Clone, Debug)]
pub struct Codec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Codec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> TonicCodec for Codec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = Encoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        Encoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(settings())
    }
}

/// Encodes messages, making room for the whole of each at once.
#[derive(Clone, Debug)]
pub struct Encoder<T>(PhantomData<T>);

impl<T: Message> TonicEncoder for Encoder<T> {
    type Item = T;
    type Error = tonic::Status;

    fn encode(&mut self, item: T, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        buffer.reserve(item.encoded_len());
        item.encode(buffer)
            .map_err(|error| tonic::Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        settings()
    }
}

fn settings() -> BufferSettings {
    BufferSettings::new(BUFFER, TOGETHER)
}
