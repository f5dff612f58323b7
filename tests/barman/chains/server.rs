//! Server that speaks `PostgreSQL`'s protocol up to TLS, with any certificate.

use std::pin::Pin;

use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

use crate::chains::cases::Case;

/// Text of the error that a client is answered with once it has sent its first message in TLS: it is
/// content with the certificate then.
pub(crate) const REACHED: &str = "the client has come this far";

/// Serves a chain on a free port until the test ends.
pub(crate) async fn serve(case: &Case) -> u16 {
    let mut context = SslContextBuilder::new(SslMethod::tls_server()).unwrap();
    context.set_security_level(0);
    let chain = X509::stack_from_pem(case.chain.as_bytes()).unwrap();
    let (leaf, others) = chain.split_first().unwrap();
    context.set_certificate(leaf).unwrap();
    for other in others {
        context.add_extra_chain_cert(other.clone()).unwrap();
    }
    context
        .set_private_key(&PKey::private_key_from_pem(case.key.as_bytes()).unwrap())
        .unwrap();
    let context = context.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // A client that does not like the certificate goes away.
            tokio::spawn(answer(connection, context.clone()));
        }
    });
    port
}

async fn answer(mut connection: TcpStream, context: SslContext) -> std::io::Result<()> {
    let mut request = [0; 8];
    connection.read_exact(&mut request).await?;
    connection.write_all(b"S").await?;
    let mut stream = SslStream::new(Ssl::new(&context)?, connection)?;
    Pin::new(&mut stream)
        .accept()
        .await
        .map_err(std::io::Error::other)?;
    let mut startup = [0; 8];
    stream.read_exact(&mut startup).await?;
    let fields = format!("SFATAL\0VFATAL\0C28000\0M{REACHED}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    stream
        .write_all(&[b"E".as_slice(), &length.to_be_bytes(), fields.as_bytes()].concat())
        .await?;
    stream.shutdown().await
}
