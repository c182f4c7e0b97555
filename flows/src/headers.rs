//! The headers of IP, as far as both the guard and the flows look at them.

/// The length of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;
/// EtherTypes.
pub(crate) const IPV4: u16 = 0x0800;
pub(crate) const IPV6: u16 = 0x86dd;

/// Where a later fragment has something else than zero, in the word of an IPv4
/// header that also says whether more follow (RFC 791).
pub(crate) const IPV4_OFFSET: u16 = 0x1fff;
/// The same in a fragment header of IPv6.
const IPV6_OFFSET: u16 = 0xfff8;

const FRAGMENT: u8 = 44;
const AH: u8 = 51;

/// The most IPv6 extension headers. Real packets have two or three; a longer
/// chain is there to get behind somebody's guard.
const EXTENSIONS_MAX: usize = 8;

/// `N` bytes at a place that is known to be there.
pub(crate) fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let bytes = bytes[at..].first_chunk();
    *bytes.expect("the structure is longer than that")
}

/// `N` bytes at a place, if they are there and end before `end`.
pub(crate) fn read<const N: usize>(
    frame: &[u8],
    at: usize,
    end: usize,
) -> Option<[u8; N]> {
    let bytes = frame.get(..end).and_then(|frame| frame.get(at..));
    bytes.and_then(|bytes| bytes.first_chunk()).copied()
}

/// What an IPv6 packet carries at the end of its chain of headers.
pub(crate) struct Carried {
    pub(crate) protocol: u8,
    pub(crate) at: usize,
    /// There are headers before it.
    pub(crate) hidden: bool,
    /// It is in a first fragment.
    pub(crate) fragment: bool,
}

/// A chain of headers that is too long, or not all there.
pub(crate) struct Broken;

/// Follows the chain of headers from one of a protocol at a place; none where it
/// leads into a later fragment. What that carries can't be told.
pub(crate) fn behind_extensions(
    frame: &[u8],
    mut protocol: u8,
    mut at: usize,
    end: usize,
) -> Result<Option<Carried>, Broken> {
    let (mut hidden, mut fragment) = (false, false);
    for _ in 0..EXTENSIONS_MAX {
        if !is_extension(protocol) {
            break;
        }
        // None is shorter than eight bytes. RFC 7112: the first fragment has
        // the whole chain.
        let header: Option<[u8; 8]> = read(frame, at, end);
        let [next, length, a, b, ..] = header.ok_or(Broken)?;
        let length = usize::from(length);
        match protocol {
            FRAGMENT => {
                if u16::from_be_bytes([a, b]) & IPV6_OFFSET != 0 {
                    return Ok(None);
                }
                // Whole packets may have a fragment header too (RFC 6946),
                // and count as fragments as RFC 6980 has it.
                fragment = true;
                at += 8;
            }
            AH => at += (length + 2) * 4,
            _ => at += (length + 1) * 8,
        }
        hidden = true;
        protocol = next;
    }
    if is_extension(protocol) {
        return Err(Broken);
    }
    Ok(Some(Carried { protocol, at, hidden, fragment }))
}

/// Hop-by-hop, routing, fragment, AH, destination options, mobility, HIP and
/// SHIM6.
fn is_extension(protocol: u8) -> bool {
    matches!(protocol, 0 | 43 | FRAGMENT | AH | 60 | 135 | 139 | 140)
}
