//! What the original dladm does and this one does not.
//!
//! Who types one of these knows the original, and should read why it is not
//! here and what to do instead, not that the word is unknown.

const BOND: &str =
    "make a bond with the host's own tools; VNICs sit on it as on any link";
const BRIDGE: &str =
    "VNICs on one link reach each other and the host without a bridge";
const VLAN: &str = "give each VNIC its VLAN with create-vnic -v";
const NOT_HERE: &str = "Linux has no such links";
const NOT_YET: &str = "not in this version";
const WIRELESS: &str = "use the host's own wireless tools";
const PARTITION: &str = "InfiniBand is left to the host's own tools";

/// The verbs, each with the reason.
const VERBS: [(&str, &str); 52] = [
    ("add-aggr", BOND),
    ("add-bridge", BRIDGE),
    ("connect-wifi", WIRELESS),
    ("create-aggr", BOND),
    ("create-bridge", BRIDGE),
    ("create-iptun", "make tunnels with the host's own tools"),
    ("create-overlay", NOT_YET),
    ("create-part", PARTITION),
    ("create-secobj", WIRELESS),
    ("create-simnet", NOT_HERE),
    ("create-vlan", VLAN),
    ("delete-aggr", BOND),
    ("delete-bridge", BRIDGE),
    ("delete-iptun", "delete tunnels with the host's own tools"),
    ("delete-overlay", NOT_YET),
    ("delete-part", PARTITION),
    ("delete-phys", "a removed NIC leaves nothing behind"),
    ("delete-secobj", WIRELESS),
    ("delete-simnet", NOT_HERE),
    ("delete-vlan", VLAN),
    ("disconnect-wifi", WIRELESS),
    ("init-linkprop", "netd sets properties by itself"),
    ("init-phys", "netd finds NICs by itself"),
    ("init-secobj", WIRELESS),
    ("modify-aggr", BOND),
    ("modify-bridge", BRIDGE),
    ("modify-iptun", "change tunnels with the host's own tools"),
    ("modify-overlay", NOT_YET),
    ("modify-simnet", NOT_HERE),
    ("remove-aggr", BOND),
    ("remove-bridge", BRIDGE),
    ("rename-link", NOT_YET),
    ("scan-wifi", WIRELESS),
    ("show-aggr", "bonds are listed by show-link"),
    ("show-bridge", BRIDGE),
    ("show-ether", "ethtool(8) shows more"),
    ("show-ib", PARTITION),
    ("show-iptun", "list tunnels with the host's own tools"),
    ("show-linkmap", "links have no numbers here; show-link lists them"),
    ("show-overlay", NOT_YET),
    ("show-part", PARTITION),
    ("show-secobj", WIRELESS),
    ("show-simnet", NOT_HERE),
    ("show-usage", "show-vnic -s counts since a VNIC was created"),
    ("show-vlan", "the VID column of show-vnic has each VNIC's VLAN"),
    ("show-wifi", WIRELESS),
    ("up-aggr", BOND),
    ("up-iptun", "set tunnels up with the host's own tools"),
    ("up-part", PARTITION),
    ("up-simnet", NOT_HERE),
    ("up-vlan", VLAN),
    ("up-vnic", "netd sets VNICs up by itself"),
];

/// Why a verb of the original is not here; none: it never had such a verb.
pub(crate) fn reason(verb: &str) -> Option<&'static str> {
    VERBS.iter().find(|(name, _)| *name == verb).map(|(_, reason)| *reason)
}
