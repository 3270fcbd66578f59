"""Certificates for servers of tests, good ones and bad ones."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Certificates:
    """A private authority and what it signed, made by the openssl command."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run("req -x509 -new -keyout ca.key -out ca.pem -days 2 -subj", "/CN=Private", key=True)
        self._signed("good", "DNS:localhost,IP:127.0.0.1", days=2)
        self._signed("elsewhere", "DNS:cbr.example.com", days=2)
        self._signed("expired", "DNS:localhost,IP:127.0.0.1", days=-1)
        self._run(
            "req -x509 -new -keyout own.key -out own.pem -days 2 -addext subjectAltName=IP:127.0.0.1 -subj", "/CN=x", key=True
        )
        self.authority = str(folder / "ca.pem")

    def server(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        return context

    def _signed(self, name: str, names: str, *, days: int) -> None:
        (self._folder / "names").write_text(f"subjectAltName={names}\n")
        self._run(f"req -new -keyout {name}.key -out {name}.csr -subj", f"/CN={name}", key=True)
        self._run(
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -extfile names -days", str(days)
        )

    def _run(self, arguments: str, last: str, *, key: bool = False) -> None:
        words = ["openssl", *arguments.split(), last]
        words += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"] if key else []
        subprocess.run(words, cwd=self._folder, check=True, capture_output=True)
