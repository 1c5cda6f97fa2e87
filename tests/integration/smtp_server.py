"""A mail server for tests: STARTTLS and a login are required, what it does besides is said by the file `mode` in its directory.

    smtp_server.py DIR      prints its port, then serves until it is killed

modes: ok, greylist (451 at RCPT), refuse (550 at RCPT), some (550 for names with `bad`), full (552 after the content), no-tls, silent, no-bye (QUIT is not answered), cut (instead of asking
for the content: later than that nobody can tell what the network still carries), cut-after (when all of it is there, without an answer). Messages go to DIR/N.eml, addresses to DIR/N.to. DIR/ca.pem is the authority of its certificate.
"""

import asyncio
import os
import ssl
import subprocess
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult

DIR = Path(sys.argv[1])
PASSWORD = b"correct horse"


def mode():
    path = DIR / "mode"
    return path.read_text().strip() if path.exists() else "ok"


def certificates():
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=DIR, check=True, capture_output=True)

    if (DIR / "server.pem").exists():
        return
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test authority",
            "-addext", "basicConstraints=critical,CA:TRUE")
    openssl("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    (DIR / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
            "-extfile", "ext", "-out", "server.pem")


class Handler:
    """Keeps what comes; a message is on the disk before it is said to be."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if mode() == "greylist":
            return "451 4.7.1 come again later"
        if mode() == "refuse" or mode() == "some" and "bad" in address:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if mode() == "full":
            return "552 5.2.2 the mailbox is full"
        number = len(list(DIR.glob("*.eml")))
        part = DIR / f"{number}.part"
        with open(part, "wb") as file:
            file.write(envelope.content)
            file.flush()
            os.fsync(file.fileno())
        (DIR / f"{number}.to").write_text("\n".join(envelope.rcpt_tos))
        part.rename(DIR / f"{number}.eml")
        if mode() == "cut-after":
            server.transport.abort()
        return "250 OK"


class Cutting(SMTP):
    async def smtp_DATA(self, arg):
        self.transport.abort()


class Staying(SMTP):
    async def smtp_QUIT(self, arg):
        await asyncio.sleep(3600)


class Silent(asyncio.Protocol):
    pass


def authenticator(server, session, envelope, mechanism, data):
    # `handled=False` has the server answer 535; a real one may repeat what it was told.
    return AuthResult(success=data.login == b"nodebook" and data.password == PASSWORD, handled=False)


def connection():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(DIR / "server.pem", DIR / "server.key")
    if mode() == "silent":
        return Silent()
    if mode() == "no-tls":
        return SMTP(Handler(), hostname="localhost")
    kind = {"cut": Cutting, "no-bye": Staying}.get(mode(), SMTP)
    return kind(Handler(), hostname="localhost", tls_context=context, require_starttls=True, auth_required=True,
                authenticator=authenticator)


async def main():
    certificates()
    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
