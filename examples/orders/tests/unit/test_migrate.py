from orders.migrate import migrations


def test_migrations_are_numbered_without_gaps_and_lead_both_ways() -> None:
    steps = migrations()
    assert [int(step.version[:4]) for step in steps] == list(range(1, len(steps) + 1))
    for step in steps:
        assert step.up.strip()
        assert step.down.strip()
