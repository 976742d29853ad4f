//! Each rule on hand-assembled bytes in a small ELF file; then on real files, against objdump.

mod elf;
mod real;
mod rules;
