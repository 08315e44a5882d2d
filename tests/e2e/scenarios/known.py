"""The 33 known click situations on click-page.html. README.md beside it says where from."""

from __future__ import annotations

from tests.e2e.scenarios.situations import Situation
from tests.e2e.scenarios.steps import Drag, Keys, Press, Script, Step, Wait


def benign(name: str, *do: Step) -> Situation:
    """Return a situation that nothing may flag."""
    return Situation(name, do)


def struggle(name: str, must: str, *do: Step, must_not: str = "") -> Situation:
    """Return a situation that one of the rules *must* has to flag, and none of *must_not*."""
    return Situation(name, do, frozenset(must.split()), frozenset(must_not.split()))


KNOWN: tuple[Situation, ...] = (
    benign("double_click_word", Press("#para", 2, 90, counts=True)),
    benign("triple_click_paragraph", Press("#para", 3, 90, counts=True)),
    # Empty text: the foot of the page, below everything; then beside the words of a paragraph.
    benign("click_static_text", Press("#pad"), Wait(400), Press("#para", at=(0.97, 0.5))),
    benign("triple_click_input", Press("#txt", 3, 90, counts=True)),
    benign("focus_empty_input", Press("#empty")),
    benign("stepper_plus_5", Press("#plus", 5, 180)),
    benign("carousel_next_5", Press("#next", 5, 250)),
    benign("label_toggle_4", Press("#lab", 4, 220)),
    benign("link_new_tab", Press("#blank")),
    benign("button_window_open", Press("#wopen")),
    benign("button_download_blob", Press("#dl")),
    benign("button_copy_clipboard", Press("#copy")),
    benign("input_file", Press("#file")),
    benign("canvas_6_clicks", Press("#cv", 6, 160)),
    benign("native_select", Press("#sel"), Wait(300), Keys("Escape")),
    benign("menu_opens_on_mousedown", Press("#mdd", hold_ms=130)),
    benign("css_only_menu", Press("#cssmenu")),
    benign("hash_link", Press("#hash")),
    benign("drag_slider", Drag("#drag", dx=120, moves=12, every_ms=20)),
    benign("play_tone_no_ui", Press("#paint")),
    Situation(
        "background_save_no_ui",
        (Press("#silent"),),
        must_not=frozenset({"rage_click"}),
        ambiguous=True,
    ),
    struggle("rage_5_dead_button_150ms", "rage_click", Press("#dead", 5, 150)),
    struggle("rage_4_dead_button_600ms", "rage_click", Press("#dead2", 4, 600)),
    struggle("rage_4_jitter_40px", "rage_click", Press("#deaddiv", 4, 200, jitter_px=40)),
    struggle("rage_5_rerendered_node", "rage_click dead_click", Press("#rr", 5, 150)),
    struggle("dead_button_1", "dead_click", Press("#dead"), must_not="rage_click"),
    struggle("dead_div_pointer_1", "dead_click", Press("#deaddiv"), must_not="rage_click"),
    struggle(
        "dead_button_with_ticking_clock",
        "dead_click",
        Script("startClock()"),
        Wait(600),
        Press("#deadtick"),
        Wait(8200),
        Script("stopClock()"),
        must_not="slow_click",
    ),
    struggle("disabled_button_4_clicks", "disabled_click rage_click", Press("#dis", 4, 350)),
    struggle("error_click_sync", "error_click", Press("#err")),
    struggle("error_click_async_1s_http500", "error_click failed_request", Press("#erra")),
    struggle("slow_response_1500ms", "slow_click", Press("#slow15"), must_not="dead_click"),
    struggle(
        "rage_4_slow_1500ms",
        "rage_click impatient_click",
        Press("#slow2", 4, 220),
        must_not="dead_click",
    ),
)
