//! scratch
use integration_netns::{Lab, Netd, Office, note};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
#[test]
fn probe() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let _web = lab.zone("web");
    let client = netd.client();
    let create = |n: usize| { let r = serde_json::from_value(serde_json::json!({"name": format!("net{n}"), "over": "bge0", "zone": "web"})).unwrap(); client.create_vnic(&r).unwrap(); };
    let delete = |n: usize| { let name = format!("net{n}").parse().unwrap(); client.delete_vnic(&name, Some("web")).unwrap(); };
    let rx = office.wire.on_thread(|| UdpSocket::bind("192.168.1.1:0").unwrap());
    rx.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let tx = office.host.on_thread(|| UdpSocket::bind("192.168.1.3:0").unwrap());
    tx.connect(rx.local_addr().unwrap()).unwrap();
    let phase = |what: &str, f: &dyn Fn()| {
        let stop = AtomicBool::new(false); let sent = AtomicU64::new(0); let got = AtomicU64::new(0);
        let mut worst = 0u64; let mut run = Duration::ZERO; let mut took = Duration::ZERO;
        std::thread::scope(|s| {
            s.spawn(|| { let t = Instant::now(); let mut n = 0u64; while !stop.load(SeqCst) { while t.elapsed() < Duration::from_micros(20 * n) { std::hint::spin_loop(); } let _ = tx.send(&n.to_be_bytes()); n += 1; } sent.store(n, SeqCst); });
            let h = s.spawn(|| { let mut b=[0;8]; let mut last=None; let mut gap=0; loop { match rx.recv(&mut b) { Ok(_) => { got.fetch_add(1, SeqCst); let n = u64::from_be_bytes(b); if let Some(l)=last { gap = gap.max(n-l-1); } last=Some(n);}, Err(_) => if stop.load(SeqCst) { return gap } } } });
            let t=Instant::now(); while t.elapsed() < Duration::from_millis(100) { std::thread::yield_now(); }
            let t0=Instant::now(); f(); took=t0.elapsed();
            let t2=Instant::now(); while t2.elapsed() < Duration::from_millis(100) { std::thread::yield_now(); }
            run = t.elapsed(); stop.store(true, SeqCst);
            worst = h.join().unwrap();
        });
        note(&format!("{what}: took {took:?} of {run:?}, sent {} lost {} worst gap {worst} = {:?}", sent.load(SeqCst), sent.load(SeqCst)-got.load(SeqCst), Duration::from_micros(worst*20)));
    };
    for _ in 0..4 {
    phase("idle", &|| ());
    phase("first", &|| create(0));
    phase("create", &|| for n in 1..20 { create(n) });
    phase("delete", &|| for n in 1..20 { delete(n) });
    phase("last", &|| delete(0));
    }
}
