from __future__ import annotations

from typing import TYPE_CHECKING

from gauntlet_verdict.writers import html

if TYPE_CHECKING:
    from gauntlet_verdict import Run


def page_of(run: Run) -> str:
    return html.write(run).decode()


def test_the_headline_says_how_it_ended(example: Run) -> None:
    assert '<h1 class="FAIL">Findings hold this change back</h1>' in page_of(example)
    passed = example.model_copy(update={"verdicts": example.verdicts[:1], "interrupted": False})
    assert '<h1 class="PASS">Everything passed</h1>' in page_of(passed)


def test_every_stage_is_a_row_with_status_counts_and_reason(example: Run) -> None:
    table = page_of(example).partition("</table>")[0]
    for verdict in example.verdicts:
        row = table.partition(f"<code>{verdict.stage}</code>")[2].partition("</tr>")[0]
        assert verdict.status.value in row
        assert verdict.reason in row
    assert "12 files" in table
    assert "(cached)" in table


def test_a_stage_that_did_not_run_is_a_row_too(example: Run) -> None:
    row = page_of(example).partition("<code>test:unit</code>")[2].partition("</tr>")[0]
    assert "not run" in row
    assert "interrupted" in row


def test_the_first_findings_are_seen_at_once_and_the_rest_on_a_click(example: Run) -> None:
    verdict = example.verdicts[1]
    many = verdict.model_copy(update={"findings": tuple(verdict.findings[0] for _ in range(1200))})
    page = page_of(example.model_copy(update={"verdicts": (many,)}))
    seen, _, hidden = page.partition("<details>")
    assert seen.count("<li>") == 3
    assert hidden.count("<li>") == 997
    assert "and 200 in run.json" in hidden


def test_text_is_escaped(example: Run) -> None:
    verdict = example.verdicts[1]
    evil = verdict.findings[0].model_copy(
        update={"message": "<img src=x onerror=alert(1)>", "url": "javascript:alert(1)", "hint": "\"'><b>"}
    )
    page = page_of(example.model_copy(update={"verdicts": (verdict.model_copy(update={"findings": (evil,)}),)}))
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_page_forbids_itself_to_load_anything(example: Run) -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in page_of(example)
