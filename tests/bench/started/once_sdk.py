"""One POST by the official SDK, in the interpreter that has it."""

import os

from huaweicloudsdkcbr.v1 import CbrClient, CreateCheckpointRequest, VaultBackup, VaultBackupReq  # type: ignore[import-not-found]
from huaweicloudsdkcore.auth.credentials import BasicCredentials  # type: ignore[import-not-found]
from huaweicloudsdkcore.http.http_config import HttpConfig  # type: ignore[import-not-found]

keys = BasicCredentials(*(os.environ[f"HUAWEICLOUD_SDK_{each}"] for each in ("AK", "SK", "PROJECT_ID")))
endpoint, config = os.environ["HUAWEICLOUD_SDK_REGION_CBR_EU_DE"], HttpConfig.get_default_config()
config.ssl_ca_cert = os.environ.get("BENCH_CA_FILE")
client = CbrClient.new_builder().with_credentials(keys).with_endpoint(endpoint).with_http_config(config).build()
backup = VaultBackup(vault_id=os.environ["BENCH_VAULT"])
client.create_checkpoint(CreateCheckpointRequest(body=VaultBackupReq(checkpoint=backup)))
print(open("/proc/self/status").read())  # noqa: SIM115, PTH123 - VmHWM, of this program alone; nothing is imported for it
