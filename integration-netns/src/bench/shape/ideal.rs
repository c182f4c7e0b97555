//! What headers leave of a cap.
//!
//! A cap counts frames from the Ethernet header on, without preamble, checksum
//! and gap: what the kernel calls a packet's length.

/// The Ethernet header, without a tag.
const ETHERNET: f64 = 14.0;

/// Headers of IPv4 and TCP, and TCP's timestamps filled up to 12 bytes
/// (RFC 7323), which Linux sends in every segment.
const TCP: f64 = 20.0 + 20.0 + 12.0;

/// What TCP can carry of a cap, in full frames of an MTU.
pub(super) fn tcp_share(mtu: u32) -> f64 {
    let mtu = f64::from(mtu);
    (mtu - TCP) / (mtu + ETHERNET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_take_their_part() {
        // 1448 of 1514, and 8948 of 9014.
        for (mtu, want) in [(1500, 0.956_407), (9000, 0.992_678)] {
            let got = tcp_share(mtu);
            assert!((got - want).abs() < 1e-6, "{mtu}: {got}");
        }
    }
}
