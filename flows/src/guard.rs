//! Link protection: the definition of what a guest may send.
//!
//! `bpf/guard.h` and its parts do the same in the kernel, rule by rule and in
//! this order, and a test runs both on the same frames. A rule's source is
//! illumos's mac_protect.c where nothing else is said, and a hole of its that is
//! closed here says so.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fabric::{
    AllowedIps, ClientIds, DropReason, IpFamily, Mac, Methods, Protection,
    SecondaryMacs,
};

use crate::headers::{
    self, Broken, Carried, ETHERNET, IPV4, IPV4_OFFSET, IPV6,
    behind_extensions, part,
};

/// Whom a guest may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The VNIC's address.
    pub mac: Mac,
    /// Further addresses of its guest's.
    pub secondary_macs: SecondaryMacs,
    /// What is checked.
    pub protection: Protection,
    /// The addresses that it may speak as.
    pub allowed_ips: AllowedIps,
    /// How it may come by further ones.
    pub methods: Methods,
    /// Those that it came by.
    pub learned: BTreeSet<IpAddr>,
    /// The DHCP client ids that it may use.
    pub allowed_dhcp_cids: ClientIds,
    /// Whether it may use any.
    pub allow_all_dhcp_cids: bool,
}

impl Policy {
    /// Whether a MAC address is the guest's.
    fn owns_mac(&self, mac: Mac) -> bool {
        mac == self.mac || self.secondary_macs.iter().any(|own| own == mac)
    }

    /// Whether an IP address is listed for the guest, or it came by it.
    fn owns_ip(&self, address: IpAddr) -> bool {
        let family = match address {
            IpAddr::V4(_) => IpFamily::V4,
            IpAddr::V6(_) => IpFamily::V6,
        };
        self.allowed_ips.contains(address)
            || (self.methods.gives(family) && self.learned.contains(&address))
    }
}

/// Decides on a guest's frame.
///
/// `tag_beside` is whether the kernel keeps a VLAN tag beside the bytes: it
/// takes the outermost one out, so that a frame with two has only the inner
/// one among its bytes.
///
/// # Errors
/// The reason to drop it.
pub fn guard(
    policy: &Policy,
    frame: &[u8],
    tag_beside: bool,
) -> Result<(), DropReason> {
    let ethernet: &[u8; ETHERNET] =
        frame.first_chunk().ok_or(DropReason::Truncated)?;
    let source = Mac::new(part(ethernet, 6));
    let kind = u16::from_be_bytes(part(ethernet, 12));
    // A guest is on one VLAN, and its VNIC says which: no tag of 802.1Q, also
    // one with a priority only, and none of 802.1ad.
    if tag_beside || matches!(kind, VLAN | PROVIDER_VLAN) {
        return Err(DropReason::GuestTag);
    }
    // IEEE 802.3: a group is never a sender.
    if source.octets()[0] & 1 == 1 {
        return Err(DropReason::MacSpoof);
    }
    let Protection { mac_nospoof, restricted, ip_nospoof, dhcp_nospoof } =
        policy.protection;
    if mac_nospoof && !policy.owns_mac(source) {
        return Err(DropReason::MacSpoof);
    }
    let packet = Packet { frame, policy };
    match kind {
        IPV4 if ip_nospoof || dhcp_nospoof => packet.ipv4(),
        IPV6 if ip_nospoof || dhcp_nospoof => packet.ipv6(),
        ARP if ip_nospoof => packet.arp(),
        IPV4 | IPV6 | ARP => Ok(()),
        _ if restricted => Err(DropReason::Restricted),
        // A hole of mac_protect.c's: a guest that answers reverse ARP says
        // who has which address.
        RARP if ip_nospoof => Err(DropReason::ArpSpoof),
        0..ETHERTYPE_MIN if ip_nospoof => packet.llc(),
        _ => Ok(()),
    }
}

/// EtherTypes; what is below the lowest is a length.
const ETHERTYPE_MIN: u16 = 0x0600;
const ARP: u16 = 0x0806;
const RARP: u16 = 0x8035;
const VLAN: u16 = 0x8100;
const PROVIDER_VLAN: u16 = 0x88a8;

/// IP protocols.
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Ethernet, as ARP and DHCP number kinds of hardware.
const HARDWARE_ETHERNET: u16 = 1;

/// The most options of a Neighbor Discovery message. Real ones have one or
/// two, with SEND five.
const ND_OPTIONS_MAX: usize = 16;
/// The most options and pads of a DHCP message. Clients send about ten.
const DHCP_OPTIONS_MAX: usize = 64;

/// What can't be followed to what has to be checked is dropped.
const UNREADABLE: DropReason = DropReason::Unreadable;

/// A frame behind its Ethernet header.
struct Packet<'a> {
    frame: &'a [u8],
    policy: &'a Policy,
}

impl Packet<'_> {
    /// `N` bytes of the frame, which must end before `end`.
    fn read<const N: usize>(
        &self,
        at: usize,
        end: usize,
    ) -> Result<[u8; N], DropReason> {
        headers::read(self.frame, at, end).ok_or(UNREADABLE)
    }

    /// IPv4, and what is in it.
    fn ipv4(&self) -> Result<(), DropReason> {
        let length = self.frame.len();
        let header: [u8; 20] = self.read(ETHERNET, length)?;
        let (version, words) = (header[0] >> 4, usize::from(header[0] & 0xf));
        let at = ETHERNET + words * 4;
        if version != 4 || words < 5 || at > length {
            return Err(UNREADABLE);
        }
        let protection = self.policy.protection;
        let source = Ipv4Addr::from(part::<4>(&header, 12));
        if protection.ip_nospoof && !self.owns_ipv4(source) {
            return Err(DropReason::IpSpoof);
        }
        if header[9] != UDP {
            return Ok(());
        }
        // RFC 791: more fragments, and the offset. What a later fragment
        // carries can't be told. It is of no use where the first one was
        // dropped.
        let fragment = u16::from_be_bytes(part(&header, 6));
        if fragment & IPV4_OFFSET != 0 {
            return Ok(());
        }
        let end = ETHERNET + usize::from(u16::from_be_bytes(part(&header, 2)));
        let ports = self.ports(at, end)?;
        if !ports.contains(&67) && !ports.contains(&68) {
            return Ok(());
        }
        self.dhcp_is_on(IpFamily::V4)?;
        if !protection.dhcp_nospoof {
            return Ok(());
        }
        if fragment & 0x2000 != 0 {
            return Err(DropReason::DhcpHidden);
        }
        self.dhcp4(at, end)
    }

    /// The ports of a UDP datagram, which every first fragment has.
    fn ports(&self, at: usize, end: usize) -> Result<[u16; 2], DropReason> {
        let [a, b, c, d] = self.read(at, end.min(self.frame.len()))?;
        Ok([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
    }

    /// Whether the guest may speak as an address. That of nobody is what it
    /// has before it has any.
    fn owns_ipv4(&self, address: Ipv4Addr) -> bool {
        address.is_unspecified() || self.policy.owns_ip(IpAddr::V4(address))
    }

    /// As for IPv4; and the link-local address that RFC 4291 makes of a MAC
    /// address of the guest's.
    fn owns_ipv6(&self, address: Ipv6Addr) -> bool {
        let own_link_local = match address.octets() {
            #[rustfmt::skip]
            [0xfe, 0x80, 0, 0, 0, 0, 0, 0, a, b, c, 0xff, 0xfe, d, e, f] => {
                self.policy.owns_mac(Mac::new([a ^ 2, b, c, d, e, f]))
            },
            _ => false,
        };
        address.is_unspecified()
            || own_link_local
            || self.policy.owns_ip(IpAddr::V6(address))
    }

    /// A VNIC whose addresses come in other ways has nothing to ask DHCP for.
    fn dhcp_is_on(&self, family: IpFamily) -> Result<(), DropReason> {
        let off = self.policy.protection.ip_nospoof
            && !self.policy.methods.has_dhcp(family);
        if off { Err(DropReason::DhcpOff) } else { Ok(()) }
    }

    /// RFC 826: only for Ethernet and IPv4, only requests and answers, and
    /// only about the VNIC itself.
    ///
    /// A probe has no sender yet. Its target is what it is about to take for
    /// itself, and whoever was about to as well has to let it go (RFC 5227): a
    /// hole of mac_protect.c's.
    fn arp(&self) -> Result<(), DropReason> {
        let arp: [u8; 28] = self.read(ETHERNET, self.frame.len())?;
        let hardware = u16::from_be_bytes(part(&arp, 0));
        let protocol = u16::from_be_bytes(part(&arp, 2));
        let operation = u16::from_be_bytes(part(&arp, 6));
        let mac = Mac::new(part(&arp, 8));
        let sender = Ipv4Addr::from(part::<4>(&arp, 14));
        let target = Ipv4Addr::from(part::<4>(&arp, 24));
        let probes = sender.is_unspecified();
        let legal = hardware == HARDWARE_ETHERNET
            && protocol == IPV4
            && arp[4..6] == [6, 4]
            && matches!(operation, 1 | 2)
            && self.policy.owns_mac(mac)
            && self.owns_ipv4(sender)
            && (!probes || self.owns_ipv4(target));
        if legal { Ok(()) } else { Err(DropReason::ArpSpoof) }
    }

    /// RFC 1042, a hole of mac_protect.c's: another way to write an EtherType,
    /// which some stacks read.
    fn llc(&self) -> Result<(), DropReason> {
        let head: Result<[u8; 6], _> = self.read(ETHERNET, self.frame.len());
        match head {
            Ok([0xaa, 0xaa, 0x03, 0, 0, 0 | 0xf8]) => Err(UNREADABLE),
            _ => Ok(()),
        }
    }

    /// IPv6, and what is in it.
    fn ipv6(&self) -> Result<(), DropReason> {
        let length = self.frame.len();
        let header: [u8; 40] = self.read(ETHERNET, length)?;
        let at = ETHERNET + header.len();
        let (payload, next) = (u16::from_be_bytes(part(&header, 4)), header[6]);
        // RFC 2675: a jumbogram's length is in an option of its first header.
        let jumbo = payload == 0 && next == 0;
        let end = if jumbo { length } else { at + usize::from(payload) };
        if header[0] >> 4 != 6 || end > length {
            return Err(UNREADABLE);
        }
        let source = Ipv6Addr::from(part::<16>(&header, 8));
        if self.policy.protection.ip_nospoof && !self.owns_ipv6(source) {
            return Err(DropReason::IpSpoof);
        }
        let carried = behind_extensions(self.frame, next, at, end);
        // A later fragment is of no use where the first one was dropped.
        let Some(carried) = carried.map_err(|Broken| UNREADABLE)? else {
            return Ok(());
        };
        match carried.protocol {
            ICMPV6 => self.icmpv6(&carried, end),
            UDP => self.udp6(&carried, end),
            _ => Ok(()),
        }
    }

    /// Neighbor Discovery, and every other ICMPv6, which passes: ping, and
    /// multicast listeners, who speak behind a hop-by-hop header.
    fn icmpv6(&self, carried: &Carried, end: usize) -> Result<(), DropReason> {
        if !self.policy.protection.ip_nospoof {
            return Ok(());
        }
        let [kind] = self.read(carried.at, end)?;
        match kind {
            133..=137 if carried.hidden => {
                // RFC 6980, a hole of mac_protect.c's: it takes this for
                // something else.
                Err(DropReason::NdHidden)
            }
            // RFC 6105, a hole of mac_protect.c's: a guest is no router.
            134 | 137 => Err(DropReason::RouterSpoof),
            133 => self.nd_options(carried.at + 8, end),
            135 | 136 => {
                let options = carried.at + 24;
                if options > end {
                    return Err(UNREADABLE);
                }
                // Who asks from nowhere is about to take the target for
                // itself, and whoever was about to as well has to let it go
                // (RFC 4862): a hole of mac_protect.c's.
                let source: [u8; 16] = self.read(ETHERNET + 8, end)?;
                let claims = kind == 136 || source == [0; 16];
                let target: [u8; 16] = self.read(carried.at + 8, end)?;
                if claims && !self.owns_ipv6(Ipv6Addr::from(target)) {
                    return Err(DropReason::NdSpoof);
                }
                self.nd_options(options, end)
            }
            _ => Ok(()),
        }
    }

    /// RFC 4861: the source's (1) and the target's (2) link-layer address are
    /// the VNIC's own, wherever they stand.
    fn nd_options(&self, mut at: usize, end: usize) -> Result<(), DropReason> {
        if at > end {
            return Err(UNREADABLE);
        }
        for _ in 0..ND_OPTIONS_MAX {
            if at == end {
                break;
            }
            let option: [u8; 8] = self.read(at, end)?;
            let (kind, units) = (option[0], usize::from(option[1]));
            if units == 0 || at + units * 8 > end {
                return Err(UNREADABLE);
            }
            let mac = Mac::new(part(&option, 2));
            let own = units == 1 && self.policy.owns_mac(mac);
            if matches!(kind, 1 | 2) && !own {
                return Err(DropReason::NdSpoof);
            }
            at += units * 8;
        }
        if at == end { Ok(()) } else { Err(UNREADABLE) }
    }

    fn udp6(&self, carried: &Carried, end: usize) -> Result<(), DropReason> {
        let ports = self.ports(carried.at, end)?;
        if !ports.contains(&546) && !ports.contains(&547) {
            return Ok(());
        }
        self.dhcp_is_on(IpFamily::V6)?;
        if !self.policy.protection.dhcp_nospoof {
            return Ok(());
        }
        if carried.fragment {
            return Err(DropReason::DhcpHidden);
        }
        self.dhcp6(carried.at, end)
    }

    /// A UDP datagram's content: where it begins and ends.
    fn datagram(
        &self,
        at: usize,
        end: usize,
    ) -> Result<(usize, usize), DropReason> {
        let header: [u8; 8] = self.read(at, end)?;
        let length = usize::from(u16::from_be_bytes(part(&header, 4)));
        if at + length > end {
            return Err(UNREADABLE);
        }
        Ok((at + header.len(), at + length))
    }

    /// RFC 2131, in the datagram at `at`, whose packet ends at `end`.
    fn dhcp4(&self, at: usize, end: usize) -> Result<(), DropReason> {
        let [source, _] = self.ports(at, end)?;
        let (at, end) = self.datagram(at, end)?;
        let message: [u8; 240] = self.read(at, end)?;
        // Holes of mac_protect.c's: it tells servers by the address of the
        // client only, and relays not at all.
        let relayed = message[24..28] != [0; 4];
        if source == 67 || message[0] != 1 || relayed {
            return Err(DropReason::DhcpServer);
        }
        // Another hole: it passes any other hardware, which a server takes
        // for one more client.
        let hardware = u16::from(message[1]) == HARDWARE_ETHERNET;
        let mac = Mac::new(part(&message, 28));
        if !hardware || message[2] != 6 || !self.policy.owns_mac(mac) {
            return Err(DropReason::DhcpSpoof);
        }
        // BOOTP has no options.
        let bootp = message[236..] != [0x63, 0x82, 0x53, 0x63];
        if bootp || self.policy.allow_all_dhcp_cids {
            return Ok(());
        }
        let id = self.dhcp4_client_id(at + message.len(), end)?;
        self.client_id(id, |id| match *id {
            [1, a, b, c, d, e, f] => Some(Mac::new([a, b, c, d, e, f])),
            _ => None,
        })
    }

    /// RFC 2132: the client id among the options.
    fn dhcp4_client_id(
        &self,
        mut at: usize,
        end: usize,
    ) -> Result<Option<&[u8]>, DropReason> {
        let mut id = None;
        for _ in 0..DHCP_OPTIONS_MAX {
            if at == end {
                return Ok(id);
            }
            let [code] = self.read(at, end)?;
            if code == 255 {
                return Ok(id);
            }
            if code == 0 {
                at += 1;
                continue;
            }
            let [length] = self.read(at + 1, end)?;
            let content = at + 2..at + 2 + usize::from(length);
            if content.end > end {
                return Err(UNREADABLE);
            }
            at = content.end;
            match code {
                // More options stand where names of servers should.
                52 => return Err(DropReason::DhcpHidden),
                // Servers join the parts of one in several (RFC 3396).
                61 if id.is_some() => return Err(DropReason::DhcpSpoof),
                61 => id = self.frame.get(content),
                _ => {}
            }
        }
        if at == end { Ok(id) } else { Err(UNREADABLE) }
    }

    /// RFC 8415, in the datagram at `at`, whose packet ends at `end`.
    fn dhcp6(&self, at: usize, end: usize) -> Result<(), DropReason> {
        let (at, end) = self.datagram(at, end)?;
        let [kind, ..]: [u8; 4] = self.read(at, end)?;
        // Holes of mac_protect.c's: it passes servers. Relays are no clients
        // either: what they wrap could be anybody's. SOLICIT, REQUEST,
        // CONFIRM, RENEW, REBIND, RELEASE, DECLINE, INFORMATION-REQUEST:
        if !matches!(kind, 1 | 3 | 4 | 5 | 6 | 8 | 9 | 11) {
            return Err(DropReason::DhcpServer);
        }
        if self.policy.allow_all_dhcp_cids {
            return Ok(());
        }
        let id = self.dhcp6_client_id(at + 4, end)?;
        // A DUID of a time and an address, whatever the time, and one of an
        // address alone.
        self.client_id(id, |id| match *id {
            [0, 1, 0, 1, _, _, _, _, a, b, c, d, e, f]
            | [0, 3, 0, 1, a, b, c, d, e, f] => {
                Some(Mac::new([a, b, c, d, e, f]))
            }
            _ => None,
        })
    }

    /// The client id among the options.
    fn dhcp6_client_id(
        &self,
        mut at: usize,
        end: usize,
    ) -> Result<Option<&[u8]>, DropReason> {
        let mut id = None;
        for _ in 0..DHCP_OPTIONS_MAX {
            if at == end {
                break;
            }
            let [a, b, c, d] = self.read(at, end)?;
            let length = usize::from(u16::from_be_bytes([c, d]));
            let content = at + 4..at + 4 + length;
            if content.end > end {
                return Err(UNREADABLE);
            }
            at = content.end;
            if u16::from_be_bytes([a, b]) == 1 {
                if id.is_some() {
                    return Err(DropReason::DhcpSpoof);
                }
                id = self.frame.get(content);
            }
        }
        if at == end { Ok(id) } else { Err(UNREADABLE) }
    }

    /// No client id, one made of an address of the guest's, or one that is
    /// listed.
    fn client_id(
        &self,
        id: Option<&[u8]>,
        made_of: fn(&[u8]) -> Option<Mac>,
    ) -> Result<(), DropReason> {
        let legal = id.is_none_or(|id| {
            made_of(id).is_some_and(|mac| self.policy.owns_mac(mac))
                || self.policy.allowed_dhcp_cids.contains(id)
        });
        if legal { Ok(()) } else { Err(DropReason::DhcpSpoof) }
    }
}
