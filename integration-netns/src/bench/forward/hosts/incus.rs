//! Rules against forged addresses as Incus writes them.
//!
//! With `security.mac_filtering`, `security.ipv4_filtering` and
//! `security.ipv6_filtering`, each NIC gets a base chain at the hooks `input`
//! and `forward` of the family `bridge`. Every frame goes through every base
//! chain, so what it costs follows the number of NICs.

use super::Guest;

/// The table of all NICs.
pub(super) const TABLE: &str = "add table bridge incus\n";

/// What a reader should know.
pub(super) const NOTE: &str = "bridge-nft: two base chains for each NIC, as \
    Incus writes security.mac_filtering, ipv4_filtering and ipv6_filtering";

/// The chains of one NIC, which has one IPv4 address and no IPv6.
pub(super) fn rules(guest: &Guest) -> String {
    let Guest { addr, .. } = guest;
    let (port, mac) = (guest.port(), guest.mac());
    let hex = mac.replace(':', "");
    let from = format!("iifname \"{port}\" ether type");
    let mut text = String::new();
    for (prefix, hook) in [("in", "input"), ("fwd", "forward")] {
        let dhcp = match hook {
            "input" => format!(
                "{from} ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 \
                 udp dport 67 accept\n"
            ),
            _ => String::new(),
        };
        text += &format!(
            "table bridge incus {{\n\
             chain {prefix}.c{number}.eth0 {{\n\
             type filter hook {hook} priority -200; policy accept;\n\
             iifname \"{port}\" ether saddr != {mac} drop\n\
             {from} arp arp saddr ether != {mac} drop\n\
             {from} ip6 icmpv6 type 136 @nh,528,48 != 0x{hex} drop\n\
             {dhcp}\
             {from} arp arp saddr ip != {{ {addr}/32 }} drop\n\
             {from} ip ip saddr != {{ {addr}/32 }} drop\n\
             {from} ip6 drop\n\
             iifname \"{port}\" ether type != {{ arp, ip, ip6 }} drop\n\
             }}\n}}\n",
            number = guest.number,
        );
    }
    text
}
