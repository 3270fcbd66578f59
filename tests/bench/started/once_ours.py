"""One timer event through the entry function, at a scheduled time of its own."""

import os
import time

from handlers.aws_lambda import timer


class Context:
    """Lambda's."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(os.environ["BENCH_AT"])))
about = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
said = timer({**about, "time": when, "resources": [os.environ["BENCH_SCHEDULE"]]}, Context())
assert said["outcomes"][0]["outcome"] == "created", said
print(open("/proc/self/status").read())  # noqa: SIM115, PTH123 - VmHWM, of this program alone; nothing is imported for it
