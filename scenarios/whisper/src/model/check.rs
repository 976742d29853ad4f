//! A check of a model before whisper sees it.
//!
//! whisper.cpp answers a bad file with a line on stderr and a null pointer, with an abort, or with an
//! allocation of whatever size the bytes happen to say. So the file is walked from header to header
//! as whisper.cpp would read it, skipping the weights, and the first thing wrong is said in a
//! sentence.

use super::layout::{Header, MAGIC, N_BINS, Tensor};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

const ADVICE: &str = "pass a ggml whisper model such as ggml-tiny.en.bin";

/// First bytes of what people have instead of a ggml model, and what it is.
const FOREIGN: [(&[u8], &str); 12] = [
    (b"GGUF", "a GGUF file, which whisper.cpp cannot read"),
    (b"ggml", "a ggml file of the other byte order"),
    (b"tjgg", "a ggjt file of an early llama.cpp"),
    (b"fmgg", "a ggmf file of an early llama.cpp"),
    (b"PK\x03\x04", "a zip archive, perhaps a PyTorch model that was not converted"),
    (b"\x80\x02", "a Python pickle, perhaps a PyTorch model that was not converted"),
    (b"\x89HDF", "an HDF5 file, perhaps a TensorFlow model that was not converted"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"RIFF", "a WAV file"),
    (b"version https://git-lfs", "a pointer of Git LFS, of which the file was not fetched"),
    (b"<", "a web page, perhaps of a download that failed"),
    (b"{", "JSON text"),
];

/// Checks that `path` is a whisper model in ggml format, of a plausible header and whole.
///
/// Reads the vocabulary and the tensors' headers, not the weights. The error is one sentence that
/// fits "failed to {error}", names the path and says what to do.
pub fn check(path: &Path) -> Result<(), String> {
    walk(path).map_err(|fault| format!("use the model {}: {fault}; {ADVICE}", path.display()))
}

fn walk(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("it cannot be accessed ({error})"),
    })?;
    if metadata.is_dir() {
        return Err("it is a directory".to_owned());
    }
    // Before it is opened, which for a pipe would wait for ever.
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if metadata.len() == 0 {
        return Err("it is empty".to_owned());
    }
    let file = File::open(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let mut walker = Walker {
        file: BufReader::with_capacity(1 << 16, file),
        length: metadata.len(),
        position: 0,
        implied: 4 + 44,
    };
    walker.magic()?;
    let header = walker.header()?;
    let tensors = header.tensors();
    walker.implied += 8 + 4 * header.n_mels as u64 * N_BINS as u64 + 4;
    walker.implied += tensors.iter().map(Tensor::bytes).sum::<u64>();
    walker.filters(&header)?;
    walker.vocabulary(&header)?;
    walker.tensors(tensors)
}

/// A file being walked.
struct Walker {
    file: BufReader<File>,
    length: u64,
    position: u64,
    /// Length that the file must have at least, by what was read of it so far.
    implied: u64,
}

impl Walker {
    fn magic(&mut self) -> Result<(), String> {
        let mut start = [0; 32];
        let have = self.length.min(32) as usize;
        self.file.read_exact(&mut start[..have]).map_err(unreadable)?;
        let start = &start[..have];
        if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| start.starts_with(magic)) {
            return Err(format!("it looks like {what}"));
        }
        // Safetensors start with the length of the JSON that follows.
        if start.get(8) == Some(&b'{') {
            return Err("it looks like a safetensors file, which was not converted".to_owned());
        }
        let magic = MAGIC.to_le_bytes();
        if !start.starts_with(&magic[..have.min(4)]) {
            return Err(format!(
                "it starts with {:02x?}, not with ggml's {magic:02x?}",
                &start[..have.min(4)]
            ));
        }
        self.file.seek_relative(-(have as i64)).map_err(unreadable)?;
        self.number().map(drop)
    }

    fn header(&mut self) -> Result<Header, String> {
        let mut fields = [0; 11];
        for field in &mut fields {
            *field = self.number()?;
        }
        let header = Header::from_fields(fields);
        match header.fault() {
            Some(fault) => Err(format!("its header is not whisper's ({fault})")),
            None => Ok(header),
        }
    }

    fn filters(&mut self, header: &Header) -> Result<(), String> {
        let (n_mels, n_bins) = (self.number()?, self.number()?);
        if n_mels != header.n_mels || n_bins != N_BINS as i32 {
            return Err(format!(
                "its mel filters are {n_mels} x {n_bins}, expected {} x {N_BINS}",
                header.n_mels
            ));
        }
        self.skip(4 * n_mels as u64 * n_bins as u64)
    }

    fn vocabulary(&mut self, header: &Header) -> Result<(), String> {
        let words = self.number()?;
        if !(1..=header.n_vocab).contains(&words) {
            return Err(format!(
                "its vocabulary has {words} words, expected 1 to {}",
                header.n_vocab
            ));
        }
        self.implied += 4 * words as u64;
        let mut has_space = false;
        for _ in 0..words {
            let length = u64::from(self.number()? as u32);
            self.implied += length;
            if length == 1 {
                has_space |= self.bytes::<1>()? == *b" ";
            } else {
                self.skip(length)?;
            }
        }
        // whisper.cpp looks it up when it suppresses blanks, and throws.
        if has_space { Ok(()) } else { Err("its vocabulary lacks the space".to_owned()) }
    }

    fn tensors(&mut self, tensors: Vec<Tensor>) -> Result<(), String> {
        if self.position == self.length {
            return Err("it holds no weights, as a model for testing alone does".to_owned());
        }
        let mut missing: HashMap<String, Tensor> =
            tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        while !missing.is_empty() {
            let (n_extents, name_length, encoding) =
                (self.number()?, self.number()?, self.number()?);
            if !(1..=4).contains(&n_extents) || !(1..=128).contains(&name_length) {
                return Err(format!("what is at byte {} is no tensor", self.position - 12));
            }
            let mut extents = vec![0; n_extents as usize];
            for extent in &mut extents {
                *extent = self.number()?;
            }
            let mut name = vec![0; name_length as usize];
            self.fill(&mut name)?;
            let name = String::from_utf8_lossy(&name);
            let Some(tensor) = missing.remove(name.as_ref()) else {
                return Err(format!("its tensor {name:?} is unknown or there twice"));
            };
            if (&extents, encoding) != (&tensor.extents, tensor.encoding.id) {
                return Err(format!(
                    "its tensor {name} is {extents:?} of type {encoding}, expected {:?} of type {}",
                    tensor.extents, tensor.encoding.id
                ));
            }
            self.skip(tensor.data_bytes())?;
        }
        // whisper.cpp would read another tensor's head; less than that it does not see.
        match self.length - self.position {
            0..12 => Ok(()),
            extra => Err(format!("{extra} bytes follow its last tensor")),
        }
    }

    fn number(&mut self) -> Result<i32, String> {
        self.bytes().map(i32::from_le_bytes)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        self.advance(bytes.len() as u64)?;
        self.file.read_exact(bytes).map_err(unreadable)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), String> {
        self.advance(bytes)?;
        self.file.seek_relative(bytes as i64).map_err(unreadable)
    }

    /// Claims the next bytes, which must be there.
    fn advance(&mut self, bytes: u64) -> Result<(), String> {
        self.position += bytes;
        if self.position <= self.length {
            return Ok(());
        }
        let least = self.implied.max(self.position);
        Err(format!("it ends after {} of at least {least} bytes", self.length))
    }
}

fn unreadable(error: std::io::Error) -> String {
    format!("it cannot be read ({error})")
}

#[cfg(test)]
mod tests;
