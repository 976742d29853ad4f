//! Whisper models: a tiny deterministic one of our own, and a check of anybody's.
//!
//! The generated model is noise, so what it hears is nonsense; but whisper.cpp loads it, allocates
//! for it and computes with it exactly as with a trained one, in a hundredth of the time, without a
//! download, and with the same bits on every run.

mod cache;
mod check;
mod checksum;
mod layout;
mod weights;

use std::io::{self, Write};

pub use cache::{cached, cached_in};
pub use check::check;
use layout::{F16, Header, MAGIC, N_BINS, Tensor};
use weights::{Weights, f16_bits, mel_filters, scale};

/// Counts changes of what [`write`] writes for an unchanged shape.
const REVISION: u32 = 1;

/// Weights in 16 bits. With 32, whisper.cpp fails an assertion in its first convolution.
const FTYPE_F16: i32 = 1;

/// A model to generate: its dimensions, in whisper's names, and its seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Tokens: 51,864 (English only), 51,865 or 51,866 (one more language).
    pub n_vocab: u32,
    /// Frames that the encoder sees at once; 1,500 are 30 s.
    pub n_audio_ctx: u32,
    /// Width of encoder and decoder, a multiple of 64: with 8, whisper.cpp's kernels were seen to
    /// read out of bounds, which looks just like a race.
    pub n_audio_state: u32,
    /// Attention heads of the encoder; they divide the width.
    pub n_audio_head: u32,
    /// Layers of the encoder.
    pub n_audio_layer: u32,
    /// Tokens that the decoder sees at once.
    pub n_text_ctx: u32,
    /// Attention heads of the decoder; they divide the width.
    pub n_text_head: u32,
    /// Layers of the decoder; with 2, whisper.cpp takes the model for a distilled one.
    pub n_text_layer: u32,
    /// Mel bands of the spectrogram.
    pub n_mels: u32,
    /// Seed of the weights.
    pub seed: u64,
}

impl Default for Shape {
    /// 7 MB, multilingual, as narrow and as flat as is sound. The encoder sees 5 s instead of 30,
    /// which makes a transcription four times as fast.
    fn default() -> Self {
        Self {
            n_vocab: 51_865,
            n_audio_ctx: 256,
            n_audio_state: 64,
            n_audio_head: 2,
            n_audio_layer: 1,
            n_text_ctx: 448,
            n_text_head: 2,
            n_text_layer: 1,
            n_mels: 80,
            seed: 1,
        }
    }
}

impl Shape {
    /// 76 MB, as much as tiny, in few and wide layers and short contexts: what it costs is to read it,
    /// and a state is made of it nearly as fast as of the default (measured: 1.1 against 1.0 ms, and
    /// 1.5 ms with whisper's own contexts).
    pub fn large() -> Self {
        Self {
            n_audio_ctx: 64,
            n_audio_state: 512,
            n_audio_head: 8,
            n_audio_layer: 2,
            n_text_ctx: 64,
            n_text_head: 8,
            ..Self::default()
        }
    }

    fn header(&self) -> Header {
        let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
        Header::from_fields([
            number(self.n_vocab),
            number(self.n_audio_ctx),
            number(self.n_audio_state),
            number(self.n_audio_head),
            number(self.n_audio_layer),
            number(self.n_text_ctx),
            number(self.n_audio_state),
            number(self.n_text_head),
            number(self.n_text_layer),
            number(self.n_mels),
            FTYPE_F16,
        ])
    }

    /// What makes it no model that whisper.cpp could use.
    fn fault(&self) -> Option<String> {
        self.header().fault().or_else(|| {
            (!self.n_audio_state.is_multiple_of(64))
                .then(|| format!("a state of {} is no multiple of 64", self.n_audio_state))
        })
    }
}

/// Writes the model, the same bytes for the same shape on every machine.
pub fn write(shape: &Shape, out: &mut impl Write) -> io::Result<()> {
    if let Some(fault) = shape.fault() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
    }
    let header = shape.header();
    out.write_all(&MAGIC.to_le_bytes())?;
    write_numbers(out, &header.fields())?;

    write_numbers(out, &[header.n_mels, N_BINS as i32])?;
    for filter in mel_filters(shape.n_mels as usize) {
        out.write_all(&filter.to_le_bytes())?;
    }

    // The printable characters, so that any ASCII prompt can be tokenised; whisper.cpp throws where
    // the space is missing. It names the other tokens itself.
    let words = b' '..=b'~';
    write_numbers(out, &[words.len() as i32])?;
    for word in words {
        write_numbers(out, &[1])?;
        out.write_all(&[word])?;
    }

    header.tensors().iter().try_for_each(|tensor| write_tensor(tensor, shape.seed, out))
}

fn write_tensor(tensor: &Tensor, seed: u64, out: &mut impl Write) -> io::Result<()> {
    let name = tensor.name.as_str();
    write_numbers(out, &[tensor.extents.len() as i32, name.len() as i32, tensor.encoding.id])?;
    write_numbers(out, &tensor.extents)?;
    out.write_all(name.as_bytes())?;

    let mut weights = weights(tensor, seed);
    let mut left = tensor.len();
    let mut buffer = Vec::with_capacity(1 << 16);
    while left > 0 {
        let chunk = left.min(1 << 14);
        left -= chunk;
        buffer.clear();
        for _ in 0..chunk {
            let weight = weights.next();
            if tensor.encoding == F16 {
                buffer.extend_from_slice(&f16_bits(weight).to_le_bytes());
            } else {
                buffer.extend_from_slice(&weight.to_le_bytes());
            }
        }
        out.write_all(&buffer)?;
    }
    Ok(())
}

/// Norms that change nothing, no bias, and noise of a size that keeps every sum finite and the
/// tokens' probabilities well apart.
fn weights(tensor: &Tensor, seed: u64) -> Weights {
    let name = tensor.name.as_str();
    if name.ends_with(".bias") {
        return Weights::Constant(0.0);
    }
    let scale = match tensor.extents[..] {
        [_] => return Weights::Constant(1.0),
        _ if name.contains("positional") => 0.5,
        _ if name.contains("token_embedding") => 1.0,
        [ref inputs @ .., _] => scale(inputs.iter().map(|&extent| extent as u64).product()),
        [] => unreachable!("a tensor has an extent"),
    };
    Weights::seeded(seed, name, scale)
}

fn write_numbers(out: &mut impl Write, numbers: &[i32]) -> io::Result<()> {
    numbers.iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
}
