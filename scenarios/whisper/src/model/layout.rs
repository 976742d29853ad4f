//! What a ggml whisper file holds, in its order: the header, the mel filter bank, the vocabulary,
//! then the tensors, little-endian and without padding. The writer and the check share this page,
//! so that they cannot disagree.

/// First four bytes, as one little-endian number.
pub(super) const MAGIC: u32 = 0x6767_6d6c;

/// Frequency bins of a mel filter: whisper's transform takes 400 samples.
pub(super) const N_BINS: usize = 201;

/// The eleven numbers after the magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) n_vocab: i32,
    pub(super) n_audio_ctx: i32,
    pub(super) n_audio_state: i32,
    pub(super) n_audio_head: i32,
    pub(super) n_audio_layer: i32,
    pub(super) n_text_ctx: i32,
    pub(super) n_text_state: i32,
    pub(super) n_text_head: i32,
    pub(super) n_text_layer: i32,
    pub(super) n_mels: i32,
    /// How the weights are stored; above 1000, the thousands are a quantisation version.
    pub(super) ftype: i32,
}

/// How numbers are stored: `block` of them take `bytes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    /// The tensor's type field.
    pub(super) id: i32,
    pub(super) block: u64,
    pub(super) bytes: u64,
}

pub(super) const F32: Encoding = Encoding { id: 0, block: 1, bytes: 4 };
pub(super) const F16: Encoding = Encoding { id: 1, block: 1, bytes: 2 };

/// The weights' encoding for each ftype that whisper.cpp's tools write and that it can compute with.
const ENCODINGS: [(i32, Encoding); 12] = [
    (1, F16),
    (2, Encoding { id: 2, block: 32, bytes: 18 }),
    (3, Encoding { id: 3, block: 32, bytes: 20 }),
    (7, Encoding { id: 8, block: 32, bytes: 34 }),
    (8, Encoding { id: 6, block: 32, bytes: 22 }),
    (9, Encoding { id: 7, block: 32, bytes: 24 }),
    (10, Encoding { id: 10, block: 256, bytes: 84 }),
    (11, Encoding { id: 11, block: 256, bytes: 110 }),
    (12, Encoding { id: 12, block: 256, bytes: 144 }),
    (13, Encoding { id: 13, block: 256, bytes: 176 }),
    (14, Encoding { id: 14, block: 256, bytes: 210 }),
    (24, Encoding { id: 30, block: 1, bytes: 2 }),
];

/// One tensor as the header implies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) name: String,
    /// Extents, fastest first.
    pub(super) extents: Vec<i32>,
    pub(super) encoding: Encoding,
}

impl Tensor {
    /// Numbers in it.
    pub(super) fn len(&self) -> u64 {
        self.extents.iter().map(|&extent| extent as u64).product()
    }

    /// Bytes of its numbers in the file.
    pub(super) fn data_bytes(&self) -> u64 {
        self.len() / self.encoding.block * self.encoding.bytes
    }

    /// Bytes of it in the file.
    pub(super) fn bytes(&self) -> u64 {
        (12 + 4 * self.extents.len() + self.name.len()) as u64 + self.data_bytes()
    }
}

impl Header {
    pub(super) fn from_fields(fields: [i32; 11]) -> Self {
        let [n_vocab, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer, ..] = fields;
        let [.., n_text_ctx, n_text_state, n_text_head, n_text_layer, n_mels, ftype] = fields;
        Self {
            n_vocab,
            n_audio_ctx,
            n_audio_state,
            n_audio_head,
            n_audio_layer,
            n_text_ctx,
            n_text_state,
            n_text_head,
            n_text_layer,
            n_mels,
            ftype,
        }
    }

    pub(super) fn fields(&self) -> [i32; 11] {
        [
            self.n_vocab,
            self.n_audio_ctx,
            self.n_audio_state,
            self.n_audio_head,
            self.n_audio_layer,
            self.n_text_ctx,
            self.n_text_state,
            self.n_text_head,
            self.n_text_layer,
            self.n_mels,
            self.ftype,
        ]
    }

    /// How the weights are stored, if it is a way we know.
    pub(super) fn encoding(&self) -> Option<Encoding> {
        let ftype = self.ftype % 1000;
        ENCODINGS.iter().find(|(known, _)| *known == ftype).map(|(_, encoding)| *encoding)
    }

    /// What no whisper model's header says, in words. The bounds are wide: they are to catch other
    /// formats and damage, which whisper.cpp answers with aborts and huge allocations.
    pub(super) fn fault(&self) -> Option<String> {
        // Below, the ids of whisper's special tokens run over the end of the logits; above, more
        // tokens would be taken for languages than whisper.cpp has names for.
        let bounds = [
            ("n_vocab", self.n_vocab, 51_864..=51_866),
            ("n_audio_ctx", self.n_audio_ctx, 1..=1 << 16),
            ("n_audio_state", self.n_audio_state, 1..=1 << 14),
            ("n_audio_head", self.n_audio_head, 1..=1 << 10),
            ("n_audio_layer", self.n_audio_layer, 1..=1 << 7),
            ("n_text_ctx", self.n_text_ctx, 1..=1 << 16),
            ("n_text_head", self.n_text_head, 1..=1 << 10),
            ("n_text_layer", self.n_text_layer, 1..=1 << 7),
            ("n_mels", self.n_mels, 1..=1 << 10),
        ];
        for (name, value, range) in bounds {
            if !range.contains(&value) {
                return Some(format!(
                    "{name} is {value}, expected {} to {}",
                    range.start(),
                    range.end()
                ));
            }
        }
        let state = self.n_audio_state;
        if self.n_text_state != state {
            return Some(format!(
                "n_text_state is {} and n_audio_state {state}, expected the same",
                self.n_text_state
            ));
        }
        if state % self.n_audio_head != 0 || state % self.n_text_head != 0 {
            return Some(format!(
                "{} and {} heads do not divide a state of {state}",
                self.n_audio_head, self.n_text_head
            ));
        }
        match self.encoding() {
            // It loads, and then the first convolution fails an assertion and aborts.
            None if self.ftype == 0 => Some(
                "ftype is 0, weights in 32 bits, which whisper.cpp loads but aborts on".to_owned(),
            ),
            None => Some(format!("ftype is {}, which is no known encoding", self.ftype)),
            Some(encoding) if !(state as u64).is_multiple_of(encoding.block) => Some(format!(
                "a state of {state} does not divide into the blocks of {} of ftype {}",
                encoding.block, self.ftype
            )),
            Some(_) => None,
        }
    }

    /// All tensors, in the order in which we write them; a reader takes any order.
    pub(super) fn tensors(&self) -> Vec<Tensor> {
        let mut list = List {
            state: self.n_audio_state,
            weights: self.encoding().unwrap_or(F16),
            all: vec![],
        };
        let (state, mels) = (self.n_audio_state, self.n_mels);

        list.push("encoder.positional_embedding", &[state, self.n_audio_ctx], F32);
        list.push("encoder.conv1.weight", &[3, mels, state], F16);
        list.push("encoder.conv1.bias", &[1, state], F32);
        list.push("encoder.conv2.weight", &[3, state, state], F16);
        list.push("encoder.conv2.bias", &[1, state], F32);
        list.norm("encoder.ln_post");
        for layer in 0..self.n_audio_layer {
            list.mlp(&format!("encoder.blocks.{layer}"));
            list.attention(&format!("encoder.blocks.{layer}.attn"));
        }
        list.push("decoder.positional_embedding", &[state, self.n_text_ctx], F32);
        list.push("decoder.token_embedding.weight", &[state, self.n_vocab], list.weights);
        list.norm("decoder.ln");
        for layer in 0..self.n_text_layer {
            list.mlp(&format!("decoder.blocks.{layer}"));
            list.attention(&format!("decoder.blocks.{layer}.attn"));
            list.attention(&format!("decoder.blocks.{layer}.cross_attn"));
        }
        list.all
    }
}

/// A list of tensors in the making.
struct List {
    state: i32,
    weights: Encoding,
    all: Vec<Tensor>,
}

impl List {
    fn push(&mut self, name: &str, extents: &[i32], encoding: Encoding) {
        self.all.push(Tensor { name: name.to_owned(), extents: extents.to_vec(), encoding });
    }

    fn norm(&mut self, name: &str) {
        self.push(&format!("{name}.weight"), &[self.state], F32);
        self.push(&format!("{name}.bias"), &[self.state], F32);
    }

    fn linear(&mut self, name: &str, inputs: i32, outputs: i32) {
        self.push(&format!("{name}.weight"), &[inputs, outputs], self.weights);
        self.push(&format!("{name}.bias"), &[outputs], F32);
    }

    fn mlp(&mut self, block: &str) {
        self.norm(&format!("{block}.mlp_ln"));
        self.linear(&format!("{block}.mlp.0"), self.state, 4 * self.state);
        self.linear(&format!("{block}.mlp.2"), 4 * self.state, self.state);
    }

    fn attention(&mut self, name: &str) {
        self.norm(&format!("{name}_ln"));
        self.linear(&format!("{name}.query"), self.state, self.state);
        // Whisper's keys have no bias.
        self.push(&format!("{name}.key.weight"), &[self.state, self.state], self.weights);
        self.linear(&format!("{name}.value"), self.state, self.state);
        self.linear(&format!("{name}.out"), self.state, self.state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_its_fields() {
        let fields = [51_865, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        assert_eq!(Header::from_fields(fields).fields(), fields);
    }

    /// whisper.cpp counts 10 + 15 + 15 a layer + 24 a layer, of which it creates all but 14.
    #[test]
    fn tiny_has_as_many_tensors_as_openai_s() {
        let tiny = Header::from_fields([51_865, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1]);
        assert_eq!(tiny.fault(), None);
        assert_eq!(tiny.tensors().len(), 167);
        // ggml-tiny.bin's model size as whisper.cpp prints it: 77.11 MB of 37 million weights.
        let data: u64 = tiny.tensors().iter().map(Tensor::data_bytes).sum();
        assert_eq!(data / 10_000, 7711);
    }

    #[test]
    fn a_quantised_weight_is_stored_in_blocks() {
        let q5_1 = Header::from_fields([51_865, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 2009]);
        assert_eq!(q5_1.fault(), None);
        let embedding = q5_1.tensors().into_iter().find(|t| t.name.contains("token")).unwrap();
        assert_eq!(embedding.data_bytes(), 384 * 51_865 / 32 * 24);
    }

    #[test]
    fn odd_headers_are_named() {
        let fault = |at: usize, value| {
            let mut fields = [51_865, 1500, 384, 6, 4, 448, 384, 6, 4, 80, 1];
            fields[at] = value;
            Header::from_fields(fields).fault().unwrap()
        };
        assert_eq!(fault(0, 10), "n_vocab is 10, expected 51864 to 51866");
        assert_eq!(fault(2, 0), "n_audio_state is 0, expected 1 to 16384");
        assert_eq!(fault(6, 512), "n_text_state is 512 and n_audio_state 384, expected the same");
        assert_eq!(fault(3, 5), "5 and 6 heads do not divide a state of 384");
        assert_eq!(fault(10, 4), "ftype is 4, which is no known encoding");
        assert!(fault(10, 0).contains("32 bits"));
        assert!(fault(10, 2012).contains("blocks of 256"));
    }
}
