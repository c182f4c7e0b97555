//! A netd without a network: canned state, canned refusals, and a memory of
//! what it was asked.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use fabric::api::{
    ChangeFlow, ChangeLink, ChangeNicTag, ChangeVnic, CreateEtherstub,
    CreateFlow, CreateNicTag, CreateVnic, DropSample, Drops, EtherstubInfo,
    FlowCounters, FlowInfo, LinkCounters, LinkInfo, NicTagInfo, NicTagType,
    NicTags, PhysInfo, Problem, VnicCounters, VnicInfo,
};
use fabric::{
    LinkSettings, LinkState, Mac, MacPrefix, MacType, Mtu, Status, Zone,
};
use serde::{Deserialize, Serialize};

/// What a case's `server.json` says: lists of API objects, and what is not as
/// usual.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Scene {
    links: Vec<LinkInfo>,
    phys: Vec<PhysInfo>,
    vnics: Vec<VnicInfo>,
    etherstubs: Vec<EtherstubInfo>,
    flows: Vec<FlowInfo>,
    flow_counters: Vec<FlowCounters>,
    counters: Vec<VnicCounters>,
    link_counters: Vec<LinkCounters>,
    /// What it remembers, whoever's frames are asked for.
    drops: Vec<DropSample>,
    nictags: Option<NicTags>,
    /// Answers to single requests, by method and path.
    answers: BTreeMap<String, Canned>,
    /// Nobody listens.
    absent: bool,
    /// Somebody listens who says this to everybody.
    wire: Option<String>,
}

/// An answer that is not what the lists would give.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Canned {
    Problem { code: Status, detail: String, hint: Option<String> },
    Text { status: u16, text: String },
}

/// What it was asked: `METHOD PATH BODY`, one line each.
pub(crate) type Requests = Arc<Mutex<Vec<String>>>;

/// Begins to serve on a socket, until the runtime ends.
pub(crate) fn start(
    scene: Scene,
    socket: &Path,
    runtime: &tokio::runtime::Runtime,
) -> Requests {
    let requests = Requests::default();
    if scene.absent {
        return requests;
    }
    if let Some(text) = scene.wire {
        let listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
        });
        return requests;
    }
    let _guard = runtime.enter();
    let listener = tokio::net::UnixListener::bind(socket).unwrap();
    let app = Router::new()
        .fallback(answer)
        .with_state((Arc::new(scene), requests.clone()));
    runtime.spawn(async move { axum::serve(listener, app).await });
    requests
}

async fn answer(
    State((scene, requests)): State<(Arc<Scene>, Requests)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let line = format!("{} {}", head.method, head.uri);
    let text = String::from_utf8_lossy(&body);
    let heard = format!("{line} {text}").trim_end().to_owned();
    requests.lock().unwrap().push(heard);
    match scene.answers.get(&line) {
        Some(Canned::Text { status, text }) => {
            let status = StatusCode::from_u16(*status).unwrap();
            let body = Body::from(text.clone());
            Response::builder().status(status).body(body).unwrap()
        }
        Some(Canned::Problem { code, detail, hint }) => {
            let mut problem = Problem::new(*code, detail);
            problem.hint.clone_from(hint);
            refuse(&problem)
        }
        None => scene.usual(&line, &body),
    }
}

fn refuse(problem: &Problem) -> Response {
    Response::builder()
        .status(problem.status)
        .header(CONTENT_TYPE, Problem::MEDIA_TYPE)
        .body(Body::from(serde_json::to_vec(problem).unwrap()))
        .unwrap()
}

fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(serde_json::to_vec(value).unwrap()))
        .unwrap()
}

impl Scene {
    fn usual(&self, line: &str, body: &[u8]) -> Response {
        match line {
            "GET /v1/links" => json(StatusCode::OK, &self.links),
            "GET /v1/phys" => json(StatusCode::OK, &self.phys),
            "GET /v1/vnics" => json(StatusCode::OK, &self.vnics),
            "GET /v1/flows" => json(StatusCode::OK, &self.flows),
            "GET /v1/etherstubs" => json(StatusCode::OK, &self.etherstubs),
            "GET /v1/counters/links" => {
                json(StatusCode::OK, &self.link_counters)
            }
            "GET /v1/counters/flows" => {
                json(StatusCode::OK, &self.flow_counters)
            }
            "GET /v1/counters/vnics" => json(StatusCode::OK, &self.counters),
            line if line.starts_with("GET /v1/drops") => {
                let drops = self.drops.clone();
                let next = drops.last().map_or(0, |drop| drop.seq);
                json(StatusCode::OK, &Drops { next, missed: 0, drops })
            }
            "GET /v1/nictags" => {
                let none = NicTags { tags: Vec::new(), warning: None };
                let tags = self.nictags.clone().unwrap_or(none);
                json(StatusCode::OK, &tags)
            }
            "POST /v1/nictags" => {
                let wanted: CreateNicTag =
                    serde_json::from_slice(body).unwrap();
                let tags = vec![create_nic_tag(wanted)];
                json(StatusCode::CREATED, &NicTags { tags, warning: None })
            }
            line if line.starts_with("PATCH /v1/nictags/") => {
                let ChangeNicTag { mac, aggr, mtu } =
                    serde_json::from_slice(body).unwrap();
                let (_, name) = line.rsplit_once('/').unwrap();
                let (name, local) = (name.to_owned(), false);
                let tag = CreateNicTag { name, local, mac, aggr, mtu };
                let tags = vec![create_nic_tag(tag)];
                json(StatusCode::OK, &NicTags { tags, warning: None })
            }
            "POST /v1/vnics" => {
                let wanted = serde_json::from_slice(body).unwrap();
                json(StatusCode::CREATED, &create_vnic(wanted))
            }
            "POST /v1/etherstubs" => {
                let wanted: CreateEtherstub =
                    serde_json::from_slice(body).unwrap();
                let made = EtherstubInfo {
                    name: wanted.name,
                    mtu: Mtu::ETHERSTUB,
                    temporary: wanted.temporary,
                };
                json(StatusCode::CREATED, &made)
            }
            "POST /v1/flows" => {
                let wanted: Vec<CreateFlow> =
                    serde_json::from_slice(body).unwrap();
                let made: Vec<_> =
                    wanted.into_iter().map(create_flow).collect();
                json(StatusCode::CREATED, &made)
            }
            line if line.starts_with("PATCH /v1/flows/") => {
                let wanted = serde_json::from_slice(body).unwrap();
                json(StatusCode::OK, &self.change_flow(line, &wanted))
            }
            line if line.starts_with("PATCH /v1/vnics/") => {
                let wanted = serde_json::from_slice(body).unwrap();
                json(StatusCode::OK, &self.change_vnic(line, &wanted))
            }
            line if line.starts_with("PATCH /v1/links/") => {
                let wanted = serde_json::from_slice(body).unwrap();
                json(StatusCode::OK, &self.change_link(line, &wanted))
            }
            line if line.starts_with("DELETE ") => Response::builder()
                .status(StatusCode::NO_CONTENT)
                .body(Body::empty())
                .unwrap(),
            line => {
                let detail = format!("no such endpoint: {line}");
                refuse(&Problem::new(Status::ObjectNotFound, detail))
            }
        }
    }
}

impl Scene {
    /// The properties only: what follows from them is netd's to work out.
    fn change_vnic(&self, line: &str, wanted: &ChangeVnic) -> VnicInfo {
        let (_, path) = line.rsplit_once('/').unwrap();
        let (name, zone) = path.split_once("?zone=").unwrap();
        let vnic = self.vnics.iter().find(|vnic| {
            vnic.name.as_str() == name
                && vnic.zone.as_deref().unwrap_or_default() == zone
        });
        let vnic = vnic.unwrap_or_else(|| panic!("{line}"));
        let props = wanted.set.over(&vnic.props);
        VnicInfo { props, ..vnic.clone() }
    }
}

impl Scene {
    fn change_flow(&self, line: &str, wanted: &ChangeFlow) -> FlowInfo {
        let (_, path) = line.rsplit_once('/').unwrap();
        let name = path.split('?').next().unwrap();
        let flow = self.flows.iter().find(|flow| flow.name.as_str() == name);
        let flow = flow.unwrap_or_else(|| panic!("{line}"));
        FlowInfo { props: wanted.set.over(flow.props), ..flow.clone() }
    }
}

impl Scene {
    fn change_link(&self, line: &str, wanted: &ChangeLink) -> LinkInfo {
        let (_, name) = line.rsplit_once('/').unwrap();
        let link = self.links.iter().find(|link| link.name.as_str() == name);
        let link = link.unwrap_or_else(|| panic!("{line}"));
        let props = link.props.unwrap_or_default();
        let settings = LinkSettings { props, kept: link.kept_props };
        let now = wanted.of(settings, false).unwrap();
        let (props, kept_props) = (Some(now.props), now.kept);
        LinkInfo { props, kept_props, ..link.clone() }
    }
}

/// What netd would make of a request.
fn create_nic_tag(wanted: CreateNicTag) -> NicTagInfo {
    let kind = match (wanted.local, &wanted.aggr) {
        (true, _) => NicTagType::Etherstub,
        (false, Some(_)) => NicTagType::Aggr,
        (false, None) => NicTagType::Normal,
    };
    NicTagInfo {
        name: wanted.name,
        mac: wanted.mac,
        link: wanted.aggr,
        kind,
        mtu: wanted.mtu,
        reason: None,
    }
}

/// What netd would make of a request.
fn create_flow(wanted: CreateFlow) -> FlowInfo {
    FlowInfo {
        name: wanted.name,
        link: wanted.link,
        zone: wanted.zone.filter(|zone| !zone.is_empty()),
        attrs: wanted.attrs,
        props: wanted.props,
        kept_props: None,
        temporary: wanted.temporary,
        id: 7,
    }
}

/// What netd would make of a request, near enough.
fn create_vnic(wanted: CreateVnic) -> VnicInfo {
    let random = MacPrefix::DEFAULT.with([1, 2, 3]);
    let fixed = |mac: Mac| (mac, MacType::Fixed);
    let (mac, mac_type) = wanted.mac.map_or((random, MacType::Random), fixed);
    VnicInfo {
        name: wanted.name,
        zone: wanted.zone.as_ref().map(Zone::name).map(str::to_owned),
        over: wanted.over.parse().ok(),
        nic_tag: None,
        speed: 1000,
        mac,
        mac_type,
        vid: wanted.vid.map_or(0, fabric::VlanId::get),
        mtu: Some(wanted.props.mtu.unwrap_or(Mtu::ETHERNET)),
        default_mtu: Some(Mtu::ETHERNET),
        max_mtu: Some(Mtu::ETHERNET),
        state: LinkState::Down,
        props: wanted.props,
        kept_props: None,
        cpus_effective: None,
        rxrings_effective: Some(1),
        txrings_effective: Some(1),
        max_rings: Some(4),
        learned: Vec::new(),
        temporary: wanted.temporary,
        id: 7,
        host_end: "vnic-7".parse().unwrap(),
        blocked: None,
    }
}
