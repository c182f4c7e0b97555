//! The skeleton that libbpf-cargo generates: the maps and programs of
//! `fabric.bpf.c` by their names. The only `unsafe` of the crate is in it.

#![expect(
    clippy::allow_attributes_without_reason,
    clippy::needless_pass_by_value,
    clippy::undocumented_unsafe_blocks,
    unreachable_pub,
    unsafe_code,
    reason = "generated: libbpf-cargo answers for it"
)]

include!(concat!(env!("OUT_DIR"), "/fabric.skel.rs"));
