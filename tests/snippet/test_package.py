"""
The npm package: packed, unpacked where npm would put it, and bundled into a React and a Vue page.

Both pages use their framework's own router and nothing else of Stolper's than the package.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Page

from tests.snippet.conftest import KEY, SNIPPET, Collector

ROOT = SNIPPET.parent
PACKAGE = ROOT / "packages" / "browser"
SOURCES = Path(__file__).parent / "package"


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    made = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A site's folder with the packed package, React, Vue and their routers installed."""
    site = tmp_path_factory.mktemp("site")
    run("node", PACKAGE / "build.mjs")
    [packed] = json.loads(run("npm", "pack", "--json", "--pack-destination", site, PACKAGE))
    home = site / "node_modules" / "@stolper"
    home.mkdir(parents=True)
    run("tar", "-xzf", site / packed["filename"], "-C", home)
    (home / "package").rename(home / "browser")
    for source in SOURCES.iterdir():
        shutil.copy(source, site)
    bundle = (
        "import {{ build }} from 'esbuild'; await build({{ entryPoints: {entries},"
        " outdir: {out}, bundle: true, format: 'iife', jsx: 'automatic', nodePaths: [{modules}],"
        " define: {{ 'process.env.NODE_ENV': '\"production\"', __VUE_OPTIONS_API__: 'true',"
        " __VUE_PROD_DEVTOOLS__: 'false' }},"
        " alias: {{ vue: 'vue/dist/vue.esm-bundler.js' }}, logLevel: 'error' }})"
    ).format(
        entries=json.dumps([str(site / "react.jsx"), str(site / "vue.js")]),
        out=json.dumps(str(site / "dist")),
        modules=json.dumps(str(ROOT / "node_modules")),
    )
    run("node", "--input-type=module", "--eval", bundle)
    yield site


def test_the_package_is_what_it_says(installed: Path) -> None:
    """Its version is the snippet's; it depends on nothing, runs nothing at install, packs dist."""
    home = installed / "node_modules" / "@stolper" / "browser"
    facts = json.loads((home / "package.json").read_text())
    files = sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())

    assert json.loads((SNIPPET / "version.json").read_text())["version"] == facts["version"]
    assert {"dependencies", "peerDependencies", "scripts"} & set(facts) == set()
    assert [
        "README.md",
        *(f"dist/{name}.{end}" for name in ("index", "react", "vue") for end in ("d.ts", "js")),
        "package.json",
    ] == files


def test_it_can_be_imported_where_there_is_no_window(installed: Path) -> None:
    """On a server the import and every call do nothing; flush says that nothing was sent."""
    told = run(
        "node",
        "--input-type=module",
        "--eval",
        "import { init, stolper } from '@stolper/browser'; import '@stolper/browser/vue';"
        "import { caught } from '@stolper/browser/react'; const before = Object.keys(globalThis);"
        "init({ key: 'k', base: 'https://x.test' }); stolper('track', 'x');"
        "caught(() => {})(new Error('x'));"
        "console.log(JSON.stringify([await stolper('flush'), await stolper('code'),"
        " stolper('session') ?? null,"
        " Object.keys(globalThis).length - before.length]))",
        cwd=installed,
    )

    assert [False, False, None, 0] == json.loads(told)


def test_its_types_know_the_calls(installed: Path) -> None:
    """What docs/snippet.md allows compiles under strict; each line marked as wrong does not."""
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    strict = ("--strict", "--noEmit", "--module", "esnext", "--moduleResolution", "bundler")
    run("node", compiler, *strict, "--target", "es2022", "--types", "", "types.ts", cwd=installed)


async def opened(
    collector: Collector,
    context: BrowserContext,
    site: Path,
    name: str,
    head: str = "",
    records: bool = True,
) -> Page:
    """Serve the bundle *name* as a page of routes, and open its first route."""
    script = (site / "dist" / f"{name}.js").read_text().replace("</script", "<\\/script")
    for path in ("/shop", "/shop/items/4711", "/shop/basket"):
        collector.pages[path] = (
            f"<!doctype html><html lang=en><head><meta charset=utf-8>{head}"
            f"<script>window.KEY = '{KEY}'</script></head>"
            f"<body><div id=app></div><script>{script}</script></body></html>"
        )
    page = await context.new_page()
    await page.goto(collector.url + "/shop")
    if records:
        await page.wait_for_function("window.stolper && window.stolper.running === true")
    return page


def of(events: list[dict[str, Any]], type_: str, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(event.get(name) for name in names) for event in events if event["type"] == type_]


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("name", ["react", "vue"])
async def test_a_page_of_a_framework_tells_routes_errors_and_calls(
    collector: Collector, context: BrowserContext, installed: Path, name: str
) -> None:
    """
    Routes of the framework's own router, an error that it caught, and calls from its code arrive.

    The calls were made before the loader was there, `init` twice, and the router is not known to
    the package. What the page logs is what it logs without it.
    """
    page = await opened(collector, context, installed, name)
    logged: list[str] = []
    page.on("console", lambda said: logged.append(said.text))
    await page.click("text=Item")
    await page.wait_for_selector("h1:text('Item 4711')")
    await page.click("button:text('Break')")
    await page.click("text=Basket")
    await page.wait_for_selector("h1:text('Basket')")

    assert await page.evaluate("window.flushed") is True
    assert await page.evaluate("calls.stolper('flush')") is True
    assert await page.evaluate("calls.stolper('session')") == collector.stored[0].head["session"]
    events = collector.events()

    assert 1 == await page.locator("script[src*='/s/']").count()
    assert [
        ("/shop", "load"),
        ("/shop/items/4711", "route"),
        ("/shop/basket", "route"),
    ] == of(events, "page", "path", "nav")
    assert [("opened", {"from": name})] == of(events, "custom", "name", "props")
    assert [(True, True)] == of(events, "error", "handled", "first_party")
    assert [text for text in logged if "broken on purpose" in text]
    assert {0} == {batch.head["snippet"]["errors"] for batch in collector.stored}


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_the_package_and_the_script_tag_record_once(
    collector: Collector, context: BrowserContext, installed: Path, tag: str
) -> None:
    """A page that has the tag as well is one session with one page view, whichever came first."""
    page = await opened(collector, context, installed, "vue", head=tag)
    await page.evaluate("calls.init({ key: window.KEY, base: location.origin })")

    assert await page.evaluate("calls.stolper('flush')") is True
    assert 1 == len(collector.events("page"))
    assert 1 == len({batch.head["page_load"] for batch in collector.stored})


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_loader_that_does_not_come_harms_nothing(
    collector: Collector, context: BrowserContext, installed: Path
) -> None:
    """A blocked loader: flush answers false, calls are kept to a bound, nothing is thrown."""
    await context.route("**/s/*.js", lambda route: route.abort())
    seen: list[str] = []
    context.on("weberror", lambda error: seen.append(str(error.error)))
    page = await opened(collector, context, installed, "vue", records=False)
    await page.evaluate("for (let i = 0; i < 500; i++) calls.stolper('track', 'x')")

    assert await page.evaluate("calls.stolper('flush')") is False
    assert await page.evaluate("stolper.q.length") == 100
    assert seen == []
