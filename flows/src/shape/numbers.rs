//! The numbers of classes and queues, each from the cap in bit/s.
//!
//! Caps go from 64 kbit/s to 400 Gbit/s, and no product below leaves 64 bits
//! for any that a `u64` can hold; sums that might are made in 128. What HTB
//! counts of a frame is its length with the Ethernet header and without the
//! checksum, the preamble and the gap; of a frame that is still to be cut
//! (GSO), the headers of all its parts (`qdisc_pkt_len_init` in
//! net/core/dev.c).

use fabric::Mtu;
use fabric::shaping::Ticks;

use super::Level;

/// A millisecond in nanoseconds.
pub const MSEC: u64 = 1_000_000;

/// A second in nanoseconds.
const SEC: u64 = 1000 * MSEC;

/// What a link without any limit has, in bit/s: more than there is, and little
/// enough that a byte's time still has 27 bits in HTB
/// (`psched_ratecfg_precompute__` in net/sched/sch_generic.c).
pub const UNLIMITED: u64 = 1_000_000_000_000;

/// The rate of a class that has nothing of its own, in bytes per second. HTB
/// knows no zero.
///
/// A class that is not behind its rate sends a frame without asking the
/// classes above it. HTB forgets what a class is behind by more than 60 s
/// (`mbuffer`), so whatever the rate is, a frame a minute goes this way; and
/// with this rate no more. All of it is charged to the classes above, which
/// send that much less.
pub const LEAST: u64 = 1;

/// The length of an Ethernet header.
const HEADER: u32 = 14;

/// The largest frame that is still to be cut, without the headers of its parts
/// (`GSO_LEGACY_MAX_SIZE`).
const GSO_MAX: u32 = 65_536;

/// The largest frame as HTB counts it: as many parts as 536 bytes of TCP each
/// (RFC 9293, 3.7.1) make of 64 KiB, with 86 bytes of headers each: Ethernet,
/// IPv6, TCP with its timestamps.
pub const LARGEST: u32 = GSO_MAX + GSO_MAX.div_ceil(536) * 86;

/// As many parts as a frame has that nobody limits (`GSO_MAX_SEGS`).
pub const GSO_MAX_SEGS: u32 = 65_535;

/// How late HTB may wake up and still send what it should have sent. Timers
/// are exact to microseconds, but a busy processor gets to them a millisecond
/// or so late. What a class may make up for is a burst, so no more than this.
const LATENESS: u64 = 2 * MSEC;

/// How long the last frame of a full queue waits: with a burst, and a processor
/// that is late, a question that it makes wait is answered within 15 ms.
const QUEUE: u64 = 12 * MSEC;

/// What a queue holds at most, in bytes, however fast it is. It is 12 ms at
/// 22 Gbit/s, and fq_codel's own limit.
const QUEUE_MAX: u32 = 32 << 20;

/// How many frames fq_codel holds: its own default. Its limit is the memory.
pub const CODEL_FRAMES: u32 = 10_240;

/// Bytes per second for a cap in bit/s, rounded down, which takes less than
/// 0.02 % off the lowest cap and nothing to speak of off others. 0 becomes
/// [`LEAST`].
///
/// HTB rounds the time of a frame down to a whole nanosecond and may send that
/// much more: one part in 121 when frames of 1,514 bytes come one by one at
/// 100 Gbit/s, and next to nothing where that many can be sent, or where they
/// come in one piece.
#[must_use]
pub fn rate(bits: u64) -> u64 {
    (bits / 8).max(LEAST)
}

/// The part of a guarantee of `wanted` that a link of `capacity` can give when
/// it has promised `promised` in all, each in bytes per second; at least
/// [`LEAST`]. Rounded down, so what is given doesn't add up to more.
#[must_use]
pub fn part(wanted: u64, capacity: u64, promised: u128) -> u64 {
    if promised <= u128::from(capacity) {
        return wanted.max(LEAST);
    }
    // Two factors of 64 bits; the result is at most `wanted`.
    let part = u128::from(wanted) * u128::from(capacity) / promised;
    u64::try_from(part).unwrap_or(wanted).max(LEAST)
}

/// The longest frame that a VNIC may send in one piece on a wire, in bytes.
#[must_use]
pub fn on_link(mtu: Mtu) -> u32 {
    mtu.bytes() + HEADER
}

/// How many parts a frame may have that is left to be cut (`IFLA_GSO_MAX_SEGS`
/// of the guest end), for a VNIC with this cap: 2 ms at the cap, at least one,
/// and from 262 Mbit/s on a full 64 KiB.
///
/// HTB sends a frame whole. A guest with a cap of 1 Mbit/s would keep its own
/// other connections waiting for half a second with each frame of 64 KiB.
#[must_use]
pub fn gso_segs(maxbw: Option<u64>, mtu: Mtu) -> u32 {
    let Some(maxbw) = maxbw else { return GSO_MAX_SEGS };
    let segs = in_time(rate(maxbw), LATENESS) / u64::from(on_link(mtu));
    u32::try_from(segs).unwrap_or(GSO_MAX_SEGS).clamp(1, GSO_MAX_SEGS)
}

/// The longest frame to expect, as HTB counts it. Where nobody holds the
/// sender to [`gso_segs`], it is the longest there is, whatever the cap: a
/// connection doubles what it has under way until something is lost, all of it
/// in one frame when its way is short. Lost as a whole, nobody misses it until
/// a timer ends, and next time is the same: with room for 30 kB at 10 Mbit/s,
/// one part in 140 of the cap is left.
#[must_use]
pub fn frame(maxbw: Option<u64>, mtu: Mtu, held: bool) -> u32 {
    if !held {
        return LARGEST;
    }
    gso_segs(maxbw, mtu).saturating_mul(on_link(mtu)).min(LARGEST)
}

/// What a class may be behind a rate in bytes per second and make up for at
/// once: 2 ms, or one full frame where that takes longer, so that a question
/// and its answer are not slowed down. Never more than a minute: HTB forgets
/// the rest. Frames may be longer than a burst; HTB waits after them.
///
/// tc's own default is one frame at any rate. At 5 Gbit/s that is 2.4 us, and
/// a fifth of the rate is lost.
#[must_use]
pub fn burst(rate: u64, mtu: Mtu) -> Ticks {
    if rate <= LEAST {
        // Nothing to make up for.
        return Ticks::from_nanos(LATENESS);
    }
    // Less than 2^17 * 2^30.
    let frame = u64::from(on_link(mtu)) * SEC / rate;
    Ticks::from_nanos(frame.clamp(LATENESS, 60 * SEC))
}

/// What waits in a leaf's queue at most, in bytes: 12 ms at `ceil` bytes per
/// second, at least two frames, so that one can arrive while one leaves; in
/// whole frames of `mtu`, and half of one.
///
/// A queue that connections fill is full of whole frames, and what is left is
/// all that a question, an answer or an acknowledgement ever finds. With room
/// for 99 frames and 114 bytes one probe in 20 was lost beside 32 connections;
/// with half a frame none is.
#[must_use]
pub fn queue_limit(ceil: u64, frame: u32, mtu: Mtu) -> u32 {
    let whole = on_link(mtu);
    let spare = whole / 2;
    let most = QUEUE_MAX - spare;
    let limit = u32::try_from(in_time(ceil, QUEUE)).unwrap_or(most).min(most);
    // `frame` is at most LARGEST, far below half of QUEUE_MAX.
    let frames = (limit / whole).max((2 * frame).div_ceil(whole));
    frames * whole + spare
}

/// How much a leaf sends before others have their turn, in bytes, of a VNIC
/// whose longest queue holds `limit`.
///
/// HTB takes a frame's length off a leaf's account and adds a quantum once a
/// turn. A quantum smaller than the frames would let the account fall for
/// ever: turns would be counted in frames, not bytes, until its 32 bits wrap
/// and the leaf has 2 GiB for itself. No frame gets into a queue that doesn't
/// hold it, so this is enough. More than 200,000 HTB would not choose itself.
#[must_use]
pub fn quantum(limit: u32) -> u32 {
    limit.min(LARGEST)
}

/// The priority of a leaf for HTB, which serves 0 first. A VNIC's level counts
/// for two of a flow's: the flows of a VNIC stay next to each other, and only
/// the highest of the one below may stand beside its lowest.
#[must_use]
pub fn prio(vnic: Level, flow: Level) -> u8 {
    let place = |level| match level {
        Level::High => 0,
        Level::Medium => 1,
        Level::Low => 2,
    };
    2 * place(vnic) + place(flow)
}

/// How long a frame may wait in fq_codel, in nanoseconds: 5 ms, and where a
/// full frame alone takes longer, one and a half of them (RFC 8289, 4.4).
#[must_use]
pub fn codel_target(ceil: u64, mtu: Mtu) -> u64 {
    let frames = u64::from(on_link(mtu)) * 3 / 2;
    (frames * SEC / ceil.max(1)).max(5 * MSEC)
}

/// How much memory fq_codel may take, in bytes: what 100 ms at `ceil` bring, at
/// least eight frames. It needs room to tell a queue that stands from one that
/// passes, and a sender that doesn't listen fills all of it.
#[must_use]
pub fn codel_memory(ceil: u64, frame: u32) -> u32 {
    let memory = in_time(ceil, 100 * MSEC);
    let memory = u32::try_from(memory).unwrap_or(QUEUE_MAX);
    memory.clamp(8 * frame, QUEUE_MAX)
}

/// What passes at a rate in a time, in bytes, rounded down.
fn in_time(rate: u64, nanos: u64) -> u64 {
    // At most 2^64 * 2^27, and then 2^30 less.
    let bytes = u128::from(rate) * u128::from(nanos) / u128::from(SEC);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
