"""One POST by bare httpx. BENCH_CONTEXT: ``none`` of the certificates are loaded, or the ``public`` ones."""

import os

import httpx

verify: object = os.environ["BENCH_CONTEXT"] != "none"
if file := os.environ.get("BENCH_CA_FILE"):
    import ssl

    verify = ssl.create_default_context(cafile=file)
body = b'{"checkpoint": {"vault_id": "%s"}}' % os.environ["BENCH_VAULT"].encode()
with httpx.Client(trust_env=False, verify=verify) as client:  # type: ignore[arg-type]  # one of the three it takes
    url = os.environ["BENCH_URL"] + "/checkpoints"
    assert client.post(url, content=body, headers={"Content-Type": "application/json"}).status_code == 200
print(open("/proc/self/status").read())  # noqa: SIM115, PTH123 - VmHWM, of this program alone; nothing is imported for it
