"""Web servers and addresses around an appliance: files over HTTPS, and a name that can be made to lead elsewhere."""

import functools
import http.server
import os
import socket
import socketserver
import ssl
import subprocess
import threading


def serve_tls(handler, certificate, key):
    """An HTTPS server on a free port, which answers from threads of its own until it is shut down."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # The handshake is made by the thread that answers, so that nobody waits for somebody who makes none.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def server_certificate(environment, folder):
    """A certificate for 127.0.0.1 by the environment's authority: the files of the chain and of the key."""
    key, csr, chain = (folder / f"web.{ending}" for ending in ("key", "csr", "pem"))
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", csr],
        check=True, capture_output=True)
    subprocess.run(
        [os.environ["VAULT_DEVELOPMENT"], "sign-csr", "--ca", environment.directory / "pki", "--csr", csr, "--out", chain],
        check=True, capture_output=True)
    return chain, key


class FileServer:
    """A directory over HTTPS; `paths` are those that were asked for."""

    def __init__(self, folder, certificate, key):
        self.paths = paths = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):
                paths.append(self.path)

        self.server = serve_tls(functools.partial(Handler, directory=str(folder)), certificate, key)
        self.port = self.server.server_port

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Address:
    """A host's name as verifiers know it: connections are passed on to whatever port it leads to at the time."""

    def __init__(self):
        self.target = None
        address = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with socket.create_connection(("127.0.0.1", address.target), timeout=60) as server:
                    back = threading.Thread(target=pass_on, args=(server, self.request))
                    back.start()
                    pass_on(self.request, server)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads, request_queue_size = True, 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def lead_to(self, port):
        self.target = port

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def pass_on(source, sink):
    """What one side sends, until it ends."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # The other side has gone; both are closed when the other direction ends.
        pass
