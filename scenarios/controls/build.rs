//! Builds the C side of the controls.

fn main() {
    println!("cargo::rerun-if-changed=c");
    cc::Build::new()
        .file("c/controls.c")
        .file("c/outside.c")
        .debug(true)
        .warnings(true)
        .compile("controls_c");
}
