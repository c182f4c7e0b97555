//! The deployment that this project comes from: one host, one tagged NIC, six
//! virtual machines. Its configuration, names and addresses, as published.

use crate::Office;

/// The host's `/usbkey/config`.
pub const CONFIG: &str = "\
# admin_nic is the nic admin_ip will be connected to for headnode zones.
admin_nic=9c:b6:54:bb:c3:3c
admin_ip=192.168.1.3
admin_netmask=255.255.255.0
admin_network=...
admin_gateway=192.168.1.3
";

/// A virtual machine with its VNIC.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// What it does.
    pub alias: &'static str,
    /// Its zone, a UUID.
    pub zone: &'static str,
    /// The VNIC's name in it.
    pub link: &'static str,
    /// The VNIC's address, written as the article's table has it.
    pub mac: &'static str,
    /// Its address on the LAN. The article names none.
    pub addr: &'static str,
}

/// The machines in the order of the article's `dladm show-vnic`.
pub const MACHINES: [Machine; 6] = [
    Machine {
        alias: "DHCP",
        zone: "2321c688-e15e-4c6f-bc07-b2f7ff772c18",
        link: "net1",
        mac: "72:9b:a3:cb:84:e5",
        addr: "192.168.1.11",
    },
    Machine {
        alias: "samba",
        zone: "153831fc-2af9-44c8-9ba5-fad507337cc2",
        link: "net0",
        mac: "72:e4:dc:7c:a9:2",
        addr: "192.168.1.12",
    },
    Machine {
        alias: "powerdns",
        zone: "024ab643-ed65-48ab-95f8-5e5976539bfa",
        link: "net0",
        mac: "a2:39:d4:aa:c1:c9",
        addr: "192.168.1.13",
    },
    Machine {
        alias: "MySQL-PerconaDB",
        zone: "3d6d023b-50f0-42e1-9a84-e1c558c16224",
        link: "net0",
        mac: "82:27:ad:11:2a:35",
        addr: "192.168.1.14",
    },
    Machine {
        alias: "OCS Inventory NG",
        zone: "4cda7281-45e1-4485-8648-848f7211c938",
        link: "net0",
        mac: "52:6d:c3:f3:af:40",
        addr: "192.168.1.15",
    },
    Machine {
        alias: "elk",
        zone: "6a9d35d3-d522-4310-a724-fc38c59cd7e5",
        link: "net0",
        mac: "42:41:58:2d:fa:8c",
        addr: "192.168.1.16",
    },
];

impl Machine {
    /// The command that creates the VNIC.
    #[must_use]
    pub fn create(&self) -> String {
        let Self { zone, link, mac, .. } = self;
        let nic = Office::NIC;
        format!("dladm create-vnic -l {nic} -m {mac} -p zone={zone} {link}")
    }
}
