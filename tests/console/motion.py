"""Says what moves on a page by itself, or would when it changes: nothing should, where readers asked for less motion."""

from __future__ import annotations

from playwright.async_api import Frame, Page

_MOVING = """() => {
  const found = document.getAnimations().map((one) => `runs ${one.animationName ?? one.transitionProperty}`);
  const some = (times) => times.split(", ").some((one) => parseFloat(one) > 0);
  for (const element of document.querySelectorAll("*"))
    for (const part of [null, "::before", "::after"]) {
      const style = getComputedStyle(element, part);
      const what = `${element.tagName.toLowerCase()}.${element.className}${part ?? ""}`;
      if (some(style.transitionDuration)) found.push(`transition ${what}`);
      if (style.animationName !== "none" && some(style.animationDuration)) found.push(`animation ${what}`);
      if (style.scrollBehavior === "smooth") found.push(`smooth scrolling ${what}`);
      if (element.matches("progress:indeterminate") && element.checkVisibility()) found.push(`runs ${what}`);
    }
  return [...new Set(found)];
}"""


async def moving(page: Page) -> list[str]:
    """Return what moves on *page* and on the player's stage; a recorded page in it is a picture that is played."""
    found: list[str] = []
    for frame in [page.main_frame, *stages(page)]:
        found += await frame.evaluate(_MOVING)
    return found


def stages(page: Page) -> list[Frame]:
    """Return the frames of *page* that are ours."""
    return [frame for frame in page.frames if frame.parent_frame == page.main_frame]
