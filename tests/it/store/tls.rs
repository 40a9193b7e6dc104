//! A PostgreSQL server that speaks TLS alone: its certificate counts, and nothing is said to one who cannot show it.

use kadode::database::{Database, MAIN, Native, OpenError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::support::postgres::Server;

/// A server with a certificate for `localhost`, and the file of the authority that signed it.
struct Place {
    server: Server,
    folder: TempDir,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Place {
    async fn new() -> Self {
        let authority = authority();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let server = Server::start_with_tls(&certificate.pem(), &key.serialize_pem()).await;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ours.pem"), authority.pem()).unwrap();
        std::fs::write(folder.path().join("others.pem"), self::authority().pem()).unwrap();
        Self { server, folder }
    }

    /// The URL that demands a certificate of this host, signed by the authority in this file.
    fn url(&self, host: &str, authority: &str) -> String {
        let authority = self.folder.path().join(authority);
        format!(
            "postgres://postgres@{host}:{}/postgres?sslmode=verify-full&sslrootcert={}",
            self.server.port(),
            authority.display()
        )
    }
}

#[tokio::test]
async fn all_connections_to_a_server_whose_certificate_is_verified_are_under_tls() {
    let place = Place::new().await;
    let database = Database::open(&place.url("localhost", "ours.pem"))
        .await
        .unwrap();
    database.migrate(&MAIN).await.unwrap();
    let is_under_tls = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    for pool in [&database.read, &database.write] {
        assert!(
            sqlx::query_scalar::<_, bool>(is_under_tls)
                .fetch_one(pool)
                .await
                .unwrap()
        );
    }
    let Native::Postgres(native) = &database.native else {
        unreachable!("it is on a server");
    };
    assert!(
        sqlx::query_scalar::<_, bool>(is_under_tls)
            .fetch_one(native)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_server_with_a_certificate_of_another_authority_or_another_host_is_not_spoken_to() {
    let place = Place::new().await;
    for url in [
        place.url("localhost", "others.pem"),
        place.url("127.0.0.1", "ours.pem"),
    ] {
        let error = Database::open(&url).await.unwrap_err();
        assert!(matches!(error, OpenError::Database(..)), "{error}");
        let told = error.to_string();
        assert!(told.contains("certificate"), "{told}");
        assert!(!told.contains("postgres@"), "{told}");
    }
}
