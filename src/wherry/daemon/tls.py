"""The server's side of TLS: who it is, and which clients it admits."""

import ssl

from wherry.daemon.config import Config
from wherry.model.errors import InvalidArgument


def make_server_context(config: Config) -> ssl.SSLContext | None:
    """How TCP connections are secured; None without TLS.

    With ``tlsverify`` a client must show a certificate that ``tlscacert`` signed.

    Raises:
        InvalidArgument: a file cannot be read, or is not what it should be.
    """
    if not (config.tls or config.tlsverify):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(config.tlscert, config.tlskey)
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(
            f"could not load X509 key pair (cert: {str(config.tlscert)!r}, "
            f"key: {str(config.tlskey)!r}): {error}"
        ) from None
    if config.tlsverify:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(config.tlscacert)
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(
                f"could not read CA certificate {str(config.tlscacert)!r}: {error}"
            ) from None
    return context
