"""The bare delivery's copied row is written as the MDA writes its own."""

from datetime import UTC, datetime

from bench.delivery_bare import element
from mda.metadata.delivery.deliver_statements import PARAMETERS
from mda.metadata.delivery.delivery_literals import arrays
from tests.unit.metadata.deliveries import make_delivery


def test_elements_are_those_of_the_hot_statement() -> None:
    sent_at = datetime(2026, 11, 30, 8, 0, 0, 5, tzinfo=UTC)
    delivery = make_delivery(receipt=b"\x02" * 16, sent_at=sent_at, has_attachment=True, spam_score=0.5, thread_id=7)
    written = arrays([delivery]).removeprefix("'{").removesuffix("}'").split("}','{")
    columns = [name for name, _ in PARAMETERS]

    found = {name: element(getattr(delivery, name)) for name in columns if name != "mailbox_id"}

    assert found == {name: text for name, text in zip(columns, written, strict=True) if name != "mailbox_id"}


def test_null_and_octets_as_the_driver_gives_them() -> None:
    assert element(None) == "NULL"
    assert element(memoryview(b"\xff\x00")) == '"\\\\xff00"'
    assert element(False) == "f"
