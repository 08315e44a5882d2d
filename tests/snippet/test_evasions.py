"""What gets texts past the masks when pages do odd things: names of fields, later classes and roots."""

from __future__ import annotations

import pytest

from tests.snippet.conftest import Collector, Open
from tests.snippet.test_selectors import arrived

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CLOBBERED = (
    "<div data-stolper=mask><form><input name=nodeType><input name=parentNode>"
    "<input name=assignedSlot><p id=inner title=zqtitleqz>zqformqz</p></form></div>"
)
ODD = (
    "<h2>zqshownqz</h2><i id=css-12345zqidqz></i>"
    "<img srcset='/status/404?name=zqoneqz 1x,/status/404?name=zqtwoqz 2x'>"
    "<form action='/u/zqmailqz%2540example.org'></form>"
    '<img src="data:image/svg+xml,<svg><text>zqpictureqz</text></svg>">'
)
LATER = (
    "<div class=hide id=host></div>"
    "<div id=a><h2 id=t>x</h2><p id=p>x</p><b id=b>x</b><input id=f data-stolper=unmask></div>"
)


@pytest.mark.timeout(90)
async def test_odd_pages_show_nothing_more(collector: Collector, open_page: Open) -> None:
    """
    Under `open`: a form whose fields are called like a node's properties stays masked and stops
    nobody; a class that blocks later and a shadow root in what is blocked tell nothing from then on.
    """
    collector.configure(privacy="open", options={"block": ".hide", "images": "placeholder"})
    page = await open_page(CLOBBERED + ODD + LATER)
    await collector.until(lambda: any(event["type"] == 2 for event in collector.recording()))
    x, y = await page.evaluate(
        "() => { const { x, y } = inner.getBoundingClientRect(); return [x + 5, y + 5] }"
    )
    await page.mouse.click(x, y)  # playwright's own click is led round in circles
    await page.evaluate("a.className = 'hide'")
    await page.wait_for_timeout(100)  # its own event; what follows is another
    await page.evaluate(
        """() => {
          host.attachShadow({mode: 'open'}).innerHTML = '<img alt=zqrootqz><p>zqroottextqz</p>';
          t.title = 'zqattributeqz'; p.innerHTML = '<img alt=zqaltqz>';
          b.firstChild.data = 'zqtextqz'; f.value = 'zqfieldqz';
        }"""
    )

    assert {"shown"} == await arrived(collector, page)
    told = [event for event in collector.recording() if event["type"] == 3]
    changed = [change for event in told for change in event["data"].get("adds", [])]
    assert [] == changed
