//! Passing on what the data plane tells, as soon as it does.

use std::thread;
use std::time::Duration;

use flows::datapath::Ring;

use crate::chain::chain;
use crate::kernel::Kernel;
use crate::server::Shared;

/// The longest time between two looks at what has ended: the fabric may have
/// changed meanwhile.
const LOOK: Duration = Duration::from_secs(10);

/// Passes on what is told and what time does to it, on a thread of its own, for
/// as long as netd lives. A record that netd ends over is there for the next
/// netd, so nobody has to wait for the thread.
pub(crate) async fn listen(fabric: &Shared) {
    let reader = {
        let fabric = fabric.clone();
        move |record: &[u8]| fabric.blocking_lock().hear(record)
    };
    let ring = fabric.lock().await.kernel().telling(reader);
    let fabric = fabric.clone();
    let listening = match ring {
        Ok(ring) => thread::Builder::new()
            .name("telling".to_owned())
            .spawn(move || pass_on(&fabric, ring))
            .map_err(|error| error.to_string()),
        Err(error) => Err(chain(&error)),
    };
    if let Err(error) = listening {
        tracing::error!(
            %error,
            "guests that come by addresses will not be heard"
        );
    }
}

fn pass_on(fabric: &Shared, mut ring: Ring) {
    loop {
        let next = {
            let mut fabric = fabric.blocking_lock();
            fabric.expire_learned();
            fabric.next_expiry()
        };
        let wait = next.map_or(LOOK, |next| {
            let seconds = next.0.saturating_sub(Kernel::now().0);
            Duration::from_secs(seconds.max(1)).min(LOOK)
        });
        if let Err(error) = ring.read(wait) {
            let error = chain(&error);
            tracing::error!(%error, "guests are not heard until a restart");
            return;
        }
    }
}
