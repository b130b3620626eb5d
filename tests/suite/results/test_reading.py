"""A ledger's footer is believed only as far as its bytes allow."""

import io

import pyarrow.parquet as pq
import pytest

from protocol import describe, parse_run_id
from suite.results.published import published_folder
from suite.results.reading import ledger_limits, read_table
from suite.untrusted.files import TooLarge
from tests.suite.helpers import V1

RUN = describe(parse_run_id("smoke/fresh/breakout/seed0", V1), V1)
LEDGER = published_folder("ppo", "smoke") / RUN.run_id.path / "ledger.parquet"


def with_footer(data: bytes, metadata: pq.FileMetaData) -> bytes:
    """The bytes of a Parquet file under another footer."""
    written = io.BytesIO()
    metadata.write_metadata_file(written)
    footer_bytes = int.from_bytes(data[-8:-4], "little")
    return data[: -8 - footer_bytes] + written.getvalue()[4:]


def test_the_suite_reads_what_it_writes():
    """A published ledger passes, and so does one in many small row groups."""
    data = LEDGER.read_bytes()
    table = read_table(RUN, data)
    small = io.BytesIO()
    pq.write_table(table, small, compression="snappy", row_group_size=2)
    assert read_table(RUN, small.getvalue()).equals(table)
    assert read_table(RUN, with_footer(data, pq.ParquetFile(LEDGER).metadata)).equals(table)


def test_bytes_have_one_place_in_a_footer():
    """A footer that names the bytes of a column twice is refused before any of them is unpacked."""
    data, metadata = LEDGER.read_bytes(), pq.ParquetFile(LEDGER).metadata
    metadata.append_row_groups(pq.ParquetFile(LEDGER).metadata)
    with pytest.raises(TooLarge, match="names bytes twice"):
        read_table(RUN, with_footer(data, metadata))


def test_row_groups_are_counted():
    """A ledger of many row groups without rows is refused."""
    table, many = pq.read_table(LEDGER), io.BytesIO()
    with pq.ParquetWriter(many, table.schema) as writer:
        for _ in range(100):
            writer.write_table(table.slice(0, 0))
    with pytest.raises(TooLarge, match="100 row groups, at most 16"):
        read_table(RUN, many.getvalue())


def test_the_time_for_a_ledger_grows_with_its_run():
    """A process may take as long as the longest of its runs needs, and a short run has little."""
    largest = describe(parse_run_id("full/pretrain/fold0/seed0", V1), V1)
    assert ledger_limits([RUN]).seconds < 60 < ledger_limits([RUN, largest]).seconds
