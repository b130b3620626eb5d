"""The process of one shard on a dask worker: reads the shard as JSON, prints what it finds as JSON."""

from __future__ import annotations

import json
import sys

from suite.untrusted.processes import limit_memory
from suite.verify.executors import FINDINGS
from suite.verify.shards import Shard, replay_shard


def main() -> None:
    """Play the shard on standard input, within the bytes of memory that the argument says."""
    limit_memory(int(sys.argv[1]))
    said = json.loads(sys.stdin.read())
    found = replay_shard(Shard(**said | {"rows": tuple(said["rows"])}))
    sys.stdout.buffer.write(FINDINGS.dump_json(found))


if __name__ == "__main__":
    main()
