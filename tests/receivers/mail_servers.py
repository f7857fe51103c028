"""Mail servers made with aiosmtpd, which keep what they are given and misbehave as they are told.

The one argument is JSON: a list of servers, each {"name", "port" (0: a free one), "tls": null, "starttls" or "implicit",
"certificate", "key", "user", "password", "smtputf8", "does": [...]}. `does` says what becomes of the first, second ... mail that somebody
begins to send: "takes" it, "greylists" its recipient, "hangs" in DATA, "cuts" the connection when it has kept the mail. Later ones are taken.

The first line of output has the ports by name. Then each line is an event: what was said without protection ("clear"), a
login ("login") and a mail that was kept ("mail").
"""

import asyncio
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


def tell(**event):
    print(json.dumps(event), flush=True)


class Server(SMTP):
    """One connection."""

    def __init__(self, rules):
        self.rules = rules
        self.does = "takes"
        starttls = rules.context if rules.tls == "starttls" else None
        login = {}
        if rules.user:
            # aiosmtpd takes for protected only what STARTTLS has protected.
            login = {"authenticator": rules.log_in, "auth_required": True, "auth_require_tls": bool(starttls)}
        super().__init__(rules, hostname="mail.test", enable_SMTPUTF8=rules.smtputf8, tls_context=starttls, **login)

    def data_received(self, data):
        if self._tls_protocol is None and self.rules.tls != "implicit":
            tell(server=self.rules.name, event="clear", said=data.decode("latin-1"))
        super().data_received(data)

    async def smtp_MAIL(self, arg):
        self.does = self.rules.does.pop(0) if self.rules.does else "takes"
        await super().smtp_MAIL(arg)

    async def smtp_DATA(self, arg):
        if self.does == "hangs":
            await self.push("354 go on")
            await asyncio.Event().wait()
        await super().smtp_DATA(arg)


class Rules:
    """One server: how it behaves, and aiosmtpd's hooks."""

    def __init__(self, name, port=0, tls=None, certificate=None, key=None, user=None, password=None, smtputf8=False, does=()):
        self.name, self.port, self.tls, self.user, self.password = name, port, tls, user, password
        self.smtputf8, self.does = smtputf8, list(does)
        if tls:
            self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.context.load_cert_chain(certificate, key)

    async def start(self):
        loop = asyncio.get_running_loop()
        context = self.context if self.tls == "implicit" else None
        listening = await loop.create_server(lambda: Server(self), "127.0.0.1", self.port, ssl=context)
        return listening.sockets[0].getsockname()[1]

    def log_in(self, server, session, envelope, mechanism, given):
        is_right = isinstance(given, LoginPassword) and given == LoginPassword(self.user.encode(), self.password.encode())
        tell(server=self.name, event="login", mechanism=mechanism, right=is_right)
        return AuthResult(success=is_right, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if server.does == "greylists":
            return "451 4.7.1 Greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        tell(
            server=self.name,
            event="mail",
            sender=envelope.mail_from,
            to=envelope.rcpt_tos,
            user=self.user if session.authenticated else None,
            data=envelope.original_content.decode("latin-1"),
        )
        if server.does == "cuts":
            server.transport.abort()
        return "250 2.0.0 queued"


async def main():
    # Whoever breaks off a handshake is what these servers are for.
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    # A login without STARTTLS is warned of, where TLS is there from the first byte too.
    warnings.simplefilter("ignore")
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    servers = [Rules(**rules) for rules in json.loads(sys.argv[1])]
    tell(ports={server.name: await server.start() for server in servers})
    await asyncio.Event().wait()


asyncio.run(main())
