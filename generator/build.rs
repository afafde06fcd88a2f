//! Has the program compiled again when a file is added to what is embedded in it: the macro alone sees only changes.

fn main() {
    println!("cargo::rerun-if-changed=starter");
    println!("cargo::rerun-if-changed=../themes/optimal");
}
