//! A mail server in this process, on a free port of the loopback, with a certificate from a CA of its own.
//!
//! The SMTP is that of the crate `mailin-embedded`. In front of it stands a small relay, which speaks implicit TLS (mailin knows
//! STARTTLS alone), counts connections, and can be silent and stopped (mailin cannot).

use std::net::{IpAddr, Ipv4Addr, TcpListener as StdListener};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use mailin_embedded::response::{AUTH_OK, INVALID_CREDENTIALS, OK};
use mailin_embedded::{AuthMechanism, Handler, Response, Server, SslConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How the server protects its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// Offers STARTTLS.
    StartTls,
    /// Speaks TLS from the first byte.
    Implicit,
    /// None at all: for showing that nothing is sent to such a server.
    None,
}

/// What the server says to a recipient, and to a mail that it was about to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 250
    Accept,
    /// A code and the words after it.
    Refuse(u16, &'static str),
    /// Nothing, until the answer is changed or the server is dropped.
    Hang,
}

/// One mail as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Who signed in to send it; empty, if nobody did.
    pub(crate) user: String,
    /// The recipient, as it stood between `<` and `>` in RCPT TO.
    pub(crate) to: String,
    /// The mail itself.
    pub(crate) bytes: Vec<u8>,
    /// When the server took it.
    pub(crate) at: Instant,
}

/// A running server; dropping it closes its port and all connections.
pub(crate) struct SmtpServer {
    port: u16,
    /// Where mailin listens, behind the relay.
    inner_port: u16,
    /// For implicit TLS.
    acceptor: Option<TlsAcceptor>,
    folder: TempDir,
    mailbox: Arc<Mailbox>,
    connections: watch::Sender<usize>,
    /// Whether connections are taken without a word.
    silent: watch::Sender<bool>,
    relay: AsyncMutex<JoinSet<()>>,
}

struct Mailbox {
    answer: Mutex<Answer>,
    answer_changed: Condvar,
    received: watch::Sender<Vec<Received>>,
    /// How many recipients were named so far.
    asked: watch::Sender<usize>,
    credentials: Option<(Option<&'static str>, &'static str)>,
}

impl SmtpServer {
    /// Starts a server that accepts every mail.
    pub(crate) async fn start(protection: Protection) -> Self {
        Self::launch(protection, None).await
    }

    /// Starts a server with STARTTLS that wants this user and password first.
    pub(crate) async fn start_with_credentials(user: &'static str, password: &'static str) -> Self {
        Self::launch(Protection::StartTls, Some((Some(user), password))).await
    }

    /// Starts a server with STARTTLS that lets every user in who has this password.
    pub(crate) async fn start_for_any_user(password: &'static str) -> Self {
        Self::launch(Protection::StartTls, Some((None, password))).await
    }

    async fn launch(
        protection: Protection,
        credentials: Option<(Option<&'static str>, &'static str)>,
    ) -> Self {
        // mailin asks for the process's provider, and with two in the tree there is none by itself. A second call changes nothing.
        let _ = ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let tls = certificates(&folder);
        let mailbox = Arc::new(Mailbox {
            answer: Mutex::new(Answer::Accept),
            answer_changed: Condvar::new(),
            received: watch::Sender::new(Vec::new()),
            asked: watch::Sender::new(0),
            credentials,
        });
        let inner_port = serve(protection, &folder, &mailbox);
        let acceptor = (protection == Protection::Implicit).then(|| TlsAcceptor::from(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            inner_port,
            acceptor,
            folder,
            mailbox,
            connections: watch::Sender::new(0),
            silent: watch::Sender::new(false),
            relay: AsyncMutex::default(),
        };
        server.listen(listener).await;
        server
    }

    /// The port on 127.0.0.1.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The PEM file with the CA that signed the server's certificate, which is good for `localhost` and 127.0.0.1.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Says something else to recipients from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        *self.mailbox.answer.lock().unwrap() = answer;
        self.mailbox.answer_changed.notify_all();
    }

    /// All mails so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.mailbox.received.borrow().clone()
    }

    /// Waits until there are `count` mails, and returns all there are.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut changes = self.mailbox.received.subscribe();
        let enough = changes.wait_for(|mails| mails.len() >= count).await;
        enough.unwrap().clone()
    }

    /// Waits until a mail has what `find` looks for.
    pub(crate) async fn find<T>(&self, find: impl Fn(&Received) -> Option<T>) -> T {
        let mut changes = self.mailbox.received.subscribe();
        loop {
            if let Some(found) = changes.borrow_and_update().iter().find_map(&find) {
                return found;
            }
            changes.changed().await.unwrap();
        }
    }

    /// Waits until `count` recipients were named, answered or not.
    pub(crate) async fn wait_until_asked(&self, count: usize) {
        let mut changes = self.mailbox.asked.subscribe();
        changes.wait_for(|asked| *asked >= count).await.unwrap();
    }

    /// How many connections were opened so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    /// Waits until `count` connections were opened.
    pub(crate) async fn wait_for_connections(&self, count: usize) {
        let mut changes = self.connections.subscribe();
        changes.wait_for(|opened| *opened >= count).await.unwrap();
    }

    /// From now on says nothing on new connections; or speaks again, also on those.
    pub(crate) fn be_silent(&self, silent: bool) {
        self.silent.send_replace(silent);
    }

    /// Closes the port and all connections.
    pub(crate) async fn stop(&self) {
        self.relay.lock().await.shutdown().await;
    }

    /// Opens the port again.
    pub(crate) async fn come_back(&self) {
        let address = (Ipv4Addr::LOCALHOST, self.port);
        self.listen(TcpListener::bind(address).await.unwrap()).await;
    }

    async fn listen(&self, listener: TcpListener) {
        self.relay.lock().await.spawn(accept(
            listener,
            self.inner_port,
            self.acceptor.clone(),
            self.connections.clone(),
            self.silent.clone(),
        ));
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.answer(Answer::Accept);
    }
}

/// Writes the CA, and the leaf with its key, into the folder.
fn certificates(folder: &TempDir) -> Arc<ServerConfig> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let leaf = CertificateParams::new(names).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    for (name, pem) in [
        ("ca.pem", authority.pem()),
        ("leaf.pem", leaf.pem()),
        ("key.pem", key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(name), pem).unwrap();
    }
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    Arc::new(
        config
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap(),
    )
}

/// Runs mailin in a thread that lives as long as the process, and returns its port.
fn serve(protection: Protection, folder: &TempDir, mailbox: &Arc<Mailbox>) -> u16 {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut server = Server::new(Session {
        mailbox: mailbox.clone(),
        mail: Received {
            user: String::new(),
            to: String::new(),
            bytes: Vec::new(),
            at: Instant::now(),
        },
    });
    server
        .with_name("localhost")
        .with_num_threads(32)
        .with_tcp_listener(listener);
    if protection == Protection::StartTls {
        let certificate = SslConfig::SelfSigned {
            cert_path: path("leaf.pem"),
            key_path: path("key.pem"),
        };
        server.with_ssl(certificate).unwrap();
    }
    if mailbox.credentials.is_some() {
        server.with_auth(AuthMechanism::Plain);
    }
    std::thread::spawn(move || server.serve().unwrap());
    port
}

async fn accept(
    listener: TcpListener,
    inner_port: u16,
    acceptor: Option<TlsAcceptor>,
    connections: watch::Sender<usize>,
    silent: watch::Sender<bool>,
) {
    let mut open = JoinSet::new();
    while let Ok((outer, _)) = listener.accept().await {
        connections.send_modify(|count| *count += 1);
        let acceptor = acceptor.clone();
        let mut silent = silent.subscribe();
        open.spawn(async move {
            outer.set_nodelay(true).unwrap();
            silent.wait_for(|silent| !silent).await.unwrap();
            match acceptor {
                None => pass_on(outer, inner_port).await,
                Some(acceptor) => {
                    if let Ok(outer) = acceptor.accept(outer).await {
                        pass_on(outer, inner_port).await;
                    }
                }
            }
        });
    }
}

async fn pass_on(mut outer: impl AsyncRead + AsyncWrite + Unpin, inner_port: u16) {
    let mut inner = TcpStream::connect((Ipv4Addr::LOCALHOST, inner_port))
        .await
        .unwrap();
    inner.set_nodelay(true).unwrap();
    let _ = copy_bidirectional(&mut outer, &mut inner).await;
}

#[derive(Clone)]
struct Session {
    mailbox: Arc<Mailbox>,
    mail: Received,
}

impl Handler for Session {
    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        let known = |(name, secret): (Option<&str>, &str)| {
            name.is_none_or(|name| name == user) && secret == password
        };
        if self.mailbox.credentials.is_some_and(known) {
            user.clone_into(&mut self.mail.user);
            AUTH_OK
        } else {
            INVALID_CREDENTIALS
        }
    }

    fn mail(&mut self, _: IpAddr, _: &str, _: &str) -> Response {
        self.mail.bytes.clear();
        OK
    }

    fn rcpt(&mut self, to: &str) -> Response {
        to.clone_into(&mut self.mail.to);
        self.mailbox.asked.send_modify(|asked| *asked += 1);
        let answer = self.mailbox.answer.lock().unwrap();
        let hanging = |answer: &mut Answer| *answer == Answer::Hang;
        let answer = self
            .mailbox
            .answer_changed
            .wait_while(answer, hanging)
            .unwrap();
        match &*answer {
            Answer::Accept | Answer::Hang => OK,
            Answer::Refuse(code, words) => Response::custom(*code, (*words).to_owned()),
        }
    }

    fn data(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.mail.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let answer = self.mailbox.answer.lock().unwrap();
        if let Answer::Refuse(code, words) = &*answer {
            return Response::custom(*code, (*words).to_owned());
        }
        self.mail.at = Instant::now();
        let mail = self.mail.clone();
        self.mailbox.received.send_modify(|mails| mails.push(mail));
        OK
    }
}
