"""One POST by http.client, and nothing else: what Python itself takes."""

import http.client
import os
from urllib.parse import urlsplit

url = urlsplit(os.environ["BENCH_URL"])
if url.scheme == "https":
    import ssl

    context = ssl.create_default_context(cafile=os.environ["BENCH_CA_FILE"])
    connection: http.client.HTTPConnection = http.client.HTTPSConnection(url.netloc, context=context)
else:
    connection = http.client.HTTPConnection(url.netloc)
body = b'{"checkpoint": {"vault_id": "%s"}}' % os.environ["BENCH_VAULT"].encode()
connection.request("POST", f"{url.path}/checkpoints", body, {"Content-Type": "application/json"})
assert connection.getresponse().status == 200
print(open("/proc/self/status").read())  # noqa: SIM115, PTH123 - VmHWM, of this program alone; nothing is imported for it
