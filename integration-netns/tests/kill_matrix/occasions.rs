//! What is asked of a netd that dies over it.

/// A change that is asked for, and how to come there and back.
///
/// Lines are commands on the host, or in the zone `test` where they begin with
/// `@test`. `{net0}` stands for the host end of the zone's link of that name,
/// `{stub7}` for the near end of that etherstub's shaper.
pub(crate) struct Occasion {
    /// What happens.
    pub(crate) title: &'static str,
    /// From the three guests to the state before the change.
    pub(crate) begin: &'static [&'static str],
    /// The change. netd dies over it.
    pub(crate) change: Change,
    /// From the state after the change to the one before it.
    pub(crate) again: &'static [&'static str],
    /// From the state before the change to the three guests.
    pub(crate) end: &'static [&'static str],
}

/// What netd dies over.
pub(crate) enum Change {
    /// A line. After it there is the old state, or the new one.
    Asked(&'static str),
    /// What comes of a line in its own time, whoever dies meanwhile: the new
    /// state.
    Told(&'static str),
    /// Its start, after this was done while it was away. The state is the same.
    Start(&'static [&'static str]),
}

use Change::{Asked, Start, Told};

/// A VNIC with something of everything.
pub(crate) const CREATE: &str = "dladm create-vnic -l bge0 -m 2:8:20:0:0:7e \
    -p zone=test,maxbw=8M,minbw=1M -p protection=mac-nospoof,ip-nospoof \
    -p allowed-ips=192.168.1.99,192.168.1.97,fd00::99 \
    -p allowed-dhcp-cids=0x0001,web net0";
const PLAIN: &str =
    "dladm create-vnic -l bge0 -m 2:8:20:0:0:7e -p zone=test net0";
const SMALL: &str =
    "dladm create-vnic -l bge0 -m 2:8:20:0:0:7e -p zone=test,mtu=1400 net0";
pub(crate) const DELETE: &str = "dladm delete-vnic -z test net0";
const HTTP: &str = "flowadm add-flow -z test -l net0 \
    -a transport=tcp,local_port=80 -p maxbw=2M http";
const NO_HTTP: &str = "flowadm remove-flow -z test http";
const CAP: &str = "dladm set-linkprop -z test -p maxbw=2M net0";
const NO_CAP: &str = "dladm reset-linkprop -z test -p maxbw net0";
const DNS: &str = "flowadm add-flow -z test -l net0 \
    -a transport=udp,remote_port=53 -p priority=high dns";
const TAP: &str = "dladm create-vnic -l bge0 -m 2:8:20:0:0:7f \
    -p zone=test,mode=tap,owner=65534 net1";
const NO_TAP: &str = "dladm delete-vnic -z test net1";
const STUB: &str = "dladm create-etherstub stub7";
const NO_STUB: &str = "dladm delete-etherstub stub7";
const ON_STUB: &str = "dladm create-vnic -l stub7 -m 2:8:20:0:0:7d \
    -p zone=test,maxbw=3M net2";
const OFF_STUB: &str = "dladm delete-vnic -z test net2";
const OPEN: &str = "dladm create-vnic -l bge0 -m 2:8:20:0:0:7c \
    -p zone=test,promisc-filtered=off,protection=none net3";
const CLOSE: &str = "dladm delete-vnic -z test net3";
const LEASING: &str = "dladm create-vnic -l bge0 -m 2:8:20:0:0:7e \
    -p zone=test,protection=mac-nospoof,ip-nospoof,dhcp-nospoof net0";
const LEASE: &str =
    "@test busybox udhcpc -i net0 -n -q -f -s /run/lab/udhcpc.sh";
// It gives back what it has when it is told to end.
const RELEASE: &str = "@test timeout --preserve-status 0.5 \
    busybox udhcpc -i net0 -n -R -f -s /run/lab/udhcpc.sh";
const GONE: &str = "@test ip link delete net0";
const UP: &str = "@test ip link set net0 up";

macro_rules! occasion {
    ($title:literal: $begin:expr, $change:expr, $again:expr, $end:expr) => {
        Occasion {
            title: $title,
            begin: &$begin,
            change: $change,
            again: &$again,
            end: &$end,
        }
    };
}

pub(crate) const OCCASIONS: &[Occasion] = &[
    occasion!("start": [], Start(&[]), [], []),
    occasion!("create a VNIC": [], Asked(CREATE), [DELETE], []),
    occasion!("delete a VNIC with flows":
        [CREATE, HTTP, DNS], Asked(DELETE), [CREATE, HTTP, DNS], [DELETE]),
    occasion!("create a TAP": [], Asked(TAP), [NO_TAP], []),
    occasion!("delete a TAP": [TAP], Asked(NO_TAP), [TAP], [NO_TAP]),
    occasion!("create an etherstub": [], Asked(STUB), [NO_STUB], []),
    occasion!("create the first that waits on an etherstub":
        [STUB], Asked(ON_STUB), [OFF_STUB], [NO_STUB]),
    occasion!("delete the last that waits on an etherstub":
        [STUB, ON_STUB], Asked(OFF_STUB), [ON_STUB], [OFF_STUB, NO_STUB]),
    occasion!("delete an etherstub": [STUB], Asked(NO_STUB), [STUB], [NO_STUB]),
    occasion!("make the MTU smaller":
        [PLAIN], Asked("dladm set-linkprop -z test -p mtu=1400 net0"),
        ["dladm reset-linkprop -z test -p mtu net0"], [DELETE]),
    occasion!("make the MTU larger":
        [SMALL], Asked("dladm set-linkprop -z test -p mtu=1500 net0"),
        ["dladm set-linkprop -z test -p mtu=1400 net0"], [DELETE]),
    occasion!("more rings, and CPUs for them":
        [PLAIN], Asked("dladm set-linkprop -z test \
            -p rxrings=2,txrings=2,cpus=0 net0"),
        ["dladm reset-linkprop -z test -p rxrings,txrings,cpus net0"],
        [DELETE]),
    // Queues that were needed once stay, so there was a cap before.
    occasion!("set a cap":
        [PLAIN, CAP, NO_CAP], Asked(CAP), [NO_CAP], [DELETE]),
    occasion!("take a cap off":
        [PLAIN, CAP], Asked(NO_CAP), [CAP], [DELETE]),
    occasion!("lower a cap":
        [CREATE], Asked(CAP),
        ["dladm set-linkprop -z test -p maxbw=8M net0"], [DELETE]),
    occasion!("change a priority":
        [CREATE], Asked("dladm set-linkprop -z test -p priority=low net0"),
        ["dladm reset-linkprop -z test -p priority net0"], [DELETE]),
    occasion!("lower a cap of who talks":
        [], Asked("dladm set-linkprop -z db -p maxbw=30M net0"),
        ["dladm set-linkprop -z db -p maxbw=40M net0"], []),
    occasion!("change what is protected":
        [CREATE],
        Asked("dladm set-linkprop -z test -p allowed-ips=192.168.1.98 net0"),
        ["dladm set-linkprop -z test -p \
          allowed-ips=192.168.1.99,192.168.1.97,fd00::99 net0"], [DELETE]),
    occasion!("add a flow":
        [PLAIN, HTTP, NO_HTTP], Asked(HTTP), [NO_HTTP], [DELETE]),
    occasion!("change a flow":
        [PLAIN, HTTP], Asked("flowadm set-flowprop -z test -p maxbw=1M http"),
        ["flowadm set-flowprop -z test -p maxbw=2M http"], [DELETE]),
    occasion!("remove a flow":
        [PLAIN, HTTP, DNS], Asked(NO_HTTP),
        [HTTP, "flowadm remove-flow -z test dns", DNS], [DELETE]),
    occasion!("hear everybody": [], Asked(OPEN), [CLOSE], []),
    occasion!("hear everybody no longer": [OPEN], Asked(CLOSE), [OPEN], [CLOSE]),
    occasion!("a guest leases an address":
        [LEASING, UP], Told(LEASE), [DELETE, LEASING, UP], [DELETE]),
    occasion!("a guest gives its address back":
        [LEASING, UP, LEASE], Told(RELEASE), [LEASE], [DELETE]),
    occasion!("delete a guest with a lease":
        [LEASING, UP, LEASE], Asked(DELETE), [LEASING, UP, LEASE], [DELETE]),
    occasion!("start, and a guest with a lease has lost its VNIC":
        [LEASING, UP, LEASE], Start(&[GONE]), [], [DELETE]),
    occasion!("start, and a VNIC with flows has gone":
        [CREATE, HTTP, DNS], Start(&[GONE]), [], [DELETE]),
    occasion!("start, and somebody has taken a program off":
        [PLAIN], Start(&["tc filter del dev {net0} ingress"]), [], [DELETE]),
    occasion!("start, and somebody has put another queue there":
        [CREATE],
        Start(&["tc qdisc replace dev {net0} parent 1:2 handle 99: \
                 pfifo limit 9"]), [], [DELETE]),
    occasion!("start, and a shaper has gone":
        [STUB, ON_STUB], Start(&["ip link delete {stub7}"]), [],
        [OFF_STUB, NO_STUB]),
    // As a netd leaves it that dies before their VNICs are written down.
    occasion!("start, and there are two that nobody wants": [], Start(&[
        "ip link add vnic-97 group 1095909953 type veth peer name x97",
        "ip link add vnic-98 group 1095909953 type veth peer name x98",
    ]), [], []),
];
