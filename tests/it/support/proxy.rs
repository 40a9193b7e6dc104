//! A TCP proxy in front of a server, which does what a network can do to a connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// What happens to all connections at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both ends are hung up on.
    Cut,
    /// The client is hung up on; what it says last reaches the server so much later.
    Late(Duration),
    /// Nothing gets through any more, and nobody is told.
    Silence,
    /// The same, also on connections that come later, until [`Proxy::mend`].
    Severed,
}

/// A proxy; dropping it ends its connections.
pub struct Proxy {
    port: u16,
    faults: watch::Sender<Option<Fault>>,
    catching: Arc<Mutex<Option<Catching>>>,
    _accepting: JoinSet<()>,
}

struct Catching {
    marker: Vec<u8>,
    caught: oneshot::Sender<Caught>,
}

/// A connection in the hands of a test: the client has just said `bytes`, which the server has not heard.
pub struct Caught {
    client: TcpStream,
    server: TcpStream,
    bytes: Vec<u8>,
}

impl Proxy {
    /// A proxy in front of a port of this machine.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let faults = watch::Sender::new(None);
        let catching = Arc::default();
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(
            listener,
            server,
            faults.clone(),
            Arc::clone(&catching),
        ));
        Self {
            port,
            faults,
            catching,
            _accepting: accepting,
        }
    }

    /// The URL of a database by way of this proxy.
    pub fn url(&self, direct: &str) -> String {
        let mut url = url::Url::parse(direct).unwrap();
        url.set_port(Some(self.port)).unwrap();
        url.into()
    }

    /// Does this to all present connections, and but for [`Fault::Severed`] to none that comes later.
    pub fn inflict(&self, fault: Fault) {
        self.faults.send_replace(Some(fault));
    }

    /// Lets connections through that come from now on.
    pub fn mend(&self) {
        self.faults.send_replace(None);
    }

    /// Waits until a client says something with `marker` in it, and takes over its connection. In force from the call on.
    pub fn catch(&self, marker: &str) -> impl Future<Output = Caught> + use<> {
        let (caught, catches) = oneshot::channel();
        let marker = marker.as_bytes().to_owned();
        *self.catching.lock().unwrap() = Some(Catching { marker, caught });
        async { catches.await.unwrap() }
    }
}

impl Caught {
    /// Lets the server hear what the client has said.
    pub async fn deliver(&mut self) {
        // The server may have gone.
        let _ = self.server.write_all(&self.bytes).await;
    }

    /// Waits until the server has answered, or hung up; the client does not hear it.
    pub async fn answer(&mut self) {
        let _ = self.server.read(&mut [0; 4096]).await;
    }

    /// Hangs up on the client, and keeps the connection to the server.
    pub async fn hang_up(&mut self) {
        let _ = self.client.shutdown().await;
    }
}

async fn accept(
    listener: TcpListener,
    server: u16,
    faults: watch::Sender<Option<Fault>>,
    catching: Arc<Mutex<Option<Catching>>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (catching, mut faults) = (catching.clone(), faults.subscribe());
        faults.mark_unchanged();
        let severed = *faults.borrow() == Some(Fault::Severed);
        connections.spawn(async move {
            if severed {
                return std::future::pending().await;
            }
            // Where the server is away, the client finds out by being hung up on.
            if let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await {
                let _ = pass(client, server, faults, &catching).await;
            }
        });
    }
}

/// Passes on what either end says, until one hangs up.
async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    mut faults: watch::Receiver<Option<Fault>>,
    catching: &Mutex<Option<Catching>>,
) -> std::io::Result<()> {
    for end in [&client, &server] {
        end.set_nodelay(true)?;
    }
    let (mut said, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            _ = faults.changed() => {
                let fault = *faults.borrow_and_update();
                return suffer(fault, client, server).await;
            }
            length = client.read(&mut said) => match length? {
                0 => return Ok(()),
                length => {
                    let bytes = &said[..length];
                    if let Some(catching) = caught(catching, bytes) {
                        let bytes = bytes.to_owned();
                        let _ = catching.caught.send(Caught { client, server, bytes });
                        return Ok(());
                    }
                    server.write_all(bytes).await?;
                }
            },
            length = server.read(&mut answered) => match length? {
                0 => return Ok(()),
                length => client.write_all(&answered[..length]).await?,
            },
        }
    }
}

fn caught(catching: &Mutex<Option<Catching>>, bytes: &[u8]) -> Option<Catching> {
    let holds = |waiting: &mut Catching| {
        let marker = waiting.marker.as_slice();
        bytes.windows(marker.len()).any(|part| part == marker)
    };
    catching.lock().unwrap().take_if(holds)
}

async fn suffer(
    fault: Option<Fault>,
    mut client: TcpStream,
    mut server: TcpStream,
) -> std::io::Result<()> {
    match fault {
        None | Some(Fault::Cut) => Ok(()),
        Some(Fault::Late(by)) => {
            let (mut last, mut answer) = (vec![0; 65536], vec![0; 65536]);
            let length = loop {
                tokio::select! {
                    length = client.read(&mut last) => break length?,
                    // It waits for this before it says more.
                    length = server.read(&mut answer) => match length? {
                        0 => return Ok(()),
                        length => client.write_all(&answer[..length]).await?,
                    },
                }
            };
            drop(client);
            tokio::time::sleep(by).await;
            server.write_all(&last[..length]).await?;
            // Let go only when it has been worked on.
            server.read(&mut last).await.map(drop)
        }
        Some(Fault::Silence | Fault::Severed) => std::future::pending().await,
    }
}
