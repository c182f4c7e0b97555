//! The same attacks by root in a virtual machine.

use std::collections::BTreeMap;

use fabric::DropReason;
use integration_netns::{
    Counters, Guest, Lab, Luggage, Need, Nic, note, require,
};

use crate::dhcp;
use crate::table::{self, Attack, MALLORY, announcement};
use crate::{ADDRESSES, LEASING, Story, heard_only};

/// Frames as `say-frames` reads them.
fn lines<'a>(frames: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    let hex = |frame: &Vec<u8>| -> String {
        frame.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    frames.into_iter().map(|frame| hex(frame) + "\n").collect()
}

/// Each reason with the attacks for it. One by one they would take long, in a
/// machine that is emulated.
fn by_reason(attacks: &[Attack]) -> BTreeMap<DropReason, Vec<&Attack>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for attack in attacks {
        all.entry(attack.reason).or_default().push(attack);
    }
    all
}

#[test]
fn root_in_a_machine_is_heard_by_nobody() {
    let qemu = Need::Program("qemu-system-x86_64");
    if !require(&[qemu, Need::GuestKernel, Need::Program("ldd")]) {
        return;
    }
    let Some(lab) = Lab::for_story() else { return };
    lab.udev_tun();
    let tap = format!(",mode=tap,owner={}", Guest::USER);
    let story = Story::quiet(lab, &format!("{tap}{LEASING}"));
    let device =
        story.netd.sh("dladm show-vnic -p -o device -z mallory net0").check();
    let fixed = table::fixed();
    let leasing = dhcp::leasing();
    let mut luggage = Luggage::default()
        .with_program("say-frames")
        .with("/honest", lines([&announcement()]));
    for (name, attacks) in [("fixed", &fixed), ("leasing", &leasing)] {
        for (reason, attacks) in by_reason(attacks) {
            let frames: Vec<_> =
                attacks.iter().flat_map(|attack| attack.frames()).collect();
            let file = format!("/{name}/{}", reason as u8);
            luggage = luggage.with(&file, lines(&frames));
        }
    }
    let nic = Nic {
        device: device.trim(),
        mac: MALLORY.into(),
        v4: None,
        v6: None,
        vnet_hdr: true,
    };
    // Its kernel says nothing by itself.
    let words = "ipv6.disable_ipv6=1";
    let host = &story.office.host;
    let mut guest = Guest::boot_with(&story.lab, host, &nic, words, &luggage);
    let ears = story.ears();
    for (name, attacks) in [("leasing", &leasing), ("fixed", &fixed)] {
        if name == "fixed" {
            let line = format!("-p allowed-ips={ADDRESSES} -z mallory net0");
            story.netd.sh(&format!("dladm set-linkprop {line}")).check();
        }
        for (reason, attacks) in by_reason(attacks) {
            note(&format!("{reason:?}"));
            let before = Counters::read(&story.netd);
            let file = format!("/{name}/{}", reason as u8);
            guest.sh(&format!("say-frames eth0 <{file}")).check();
            let frames = attacks.iter().flat_map(|attack| attack.frames());
            story.dropped(&before, reason, frames.count() as u64);
        }
    }
    guest.sh("say-frames eth0 </honest").check();
    heard_only(ears, &announcement());
}
