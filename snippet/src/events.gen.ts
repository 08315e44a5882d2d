// Generated from core/events.yaml by `make generate`. Do not edit.

export type Scalar = string | number | boolean;

/** What an event happened to. */
export interface Target {
  /** stable key: the site's test attribute, a stable id, role + accessible name + landmark, or a short CSS path */
  key: string;
  /** node id in the recording */
  node?: number;
  /** tag, lower case */
  tag: string;
  /** type of an input */
  input_type?: string;
  /** ARIA role, explicit or implied */
  role?: string;
  /** accessible name, at most 40 characters, masked as the preset says */
  label?: string;
  /** looks pressable */
  interactive?: boolean;
  /** what makes it look pressable */
  why?: "tag" | "role" | "tabindex" | "handler" | "cursor" | "label";
  /** disabled, aria-disabled, inert, pointer-events none or a not-allowed cursor */
  disabled?: boolean;
  /** what disables it */
  disabled_why?: "attribute" | "aria" | "inert" | "pointer_events" | "fieldset" | "cursor";
  /** chosen already: aria-selected, aria-current, or a radio button that is on */
  selected?: boolean;
  /** text can be typed into it */
  editable?: boolean;
  /** the element and its ancestors, out of shadow roots and frames too, nearest first, at most 12: tag, id, classes, role, type, test, stolper, ignore. Selectors in rules are matched on it */
  path: (Record<string, Scalar | Scalar[]>)[];
}

/** One primary press by mouse, touch, pen or keyboard, with its outcome. `t` is the pointerdown, or the keydown that pressed (Enter, and Space where a role promises it; else its click). */
export interface ClickEvent {
  type: "click";
  /** what was pressed (through the hit test, so a disabled control too) */
  target?: number;
  /** in the viewport of the page, also of a press in a frame */
  x?: number;
  /** in the viewport of the page */
  y?: number;
  /** in the page's document */
  page_x?: number;
  /** in the page's document */
  page_y?: number;
  /** in the target */
  offset_x?: number;
  /** in the target */
  offset_y?: number;
  /** 0 is the primary button */
  button?: number;
  /** what pressed */
  pointer?: "mouse" | "touch" | "pen" | "keyboard";
  /** the browser's click count */
  detail?: number;
  /** alt, ctrl, meta, shift */
  modifiers?: string[];
  /** made by the user, not by a script */
  trusted?: boolean;
  /** distance between press and release, or to where it was when the outcome was judged */
  drag_px?: number;
  /** time between press and release */
  hold_ms?: number;
  /** the text selection changed during the press, or in the double click that it began on a text */
  selection_changed?: boolean;
  /** the page or a container scrolled during the press */
  scrolled?: boolean;
  /** the press was on a scrollbar */
  scrollbar?: boolean;
  /** kind of the link pressed */
  href?: "none" | "hash" | "same" | "new_tab" | "download" | "mail" | "js";
  /** host (if foreign) and path of the link */
  href_path?: string;
  /** on or in a canvas, video, audio, map, frame or another surface whose answer cannot be observed; not on a control of a map that moves elements (Leaflet) */
  media?: boolean;
  /** inside a dialog, or on its backdrop */
  in_dialog?: boolean;
  /** inside a cookie or consent container */
  in_consent?: boolean;
  /** time since the tab got the focus back; absent above 5 s and on the first focus */
  refocus_ms?: number;
  /** first near reaction of any kind; absent: none within 2500 ms. Of a press that leads to another document also the page's end within 10 s */
  answered_ms?: number;
  /** first near change of the target itself */
  feedback_ms?: number;
  /** kind of the first near reaction; navigation_began: the press led to another document and the page was still there after 10 s, as with an attachment that is downloaded */
  answer?: "mutation" | "inserted" | "value" | "focus" | "scroll" | "navigation" | "navigation_began" | "open" | "download" | "file" | "print" | "media" | "clipboard" | "dialog" | "visibility" | "selection" | "visual";
  /** start of the first request after the press */
  request_ms?: number;
  /** end of the last request that the press started */
  request_done_ms?: number;
  /** worst HTTP status among them; 0 is a network failure */
  request_status?: number;
  /** a request was still open when the outcome was judged */
  pending?: boolean;
  /** first first-party script error after the press */
  error_ms?: number;
  /** mutations by background mutators meanwhile */
  far?: number;
  /** where nothing pressable was pressed: distance to the edge of the nearest pressable, enabled and visible element, at most 48; not for keys, on media and scrollbars */
  miss_px?: number;
  /** key of that element */
  miss_key?: string;
  /** the page ended before the outcome was final */
  cut?: boolean;
}

/** A form field, or an element whose text can be edited (contenteditable): at blur or when the page is left while it has the focus, after 5 s of pause (`partial`), at each choice made in it (`cause: choice`), and for each invalid field at a refused submit. Never its value. */
export interface FieldEvent {
  type: "field";
  /** the field */
  target?: number;
  /** key of its form */
  form?: string;
  /** key of the field in the form: name, id or autocomplete token */
  field?: string;
  /** type of the input, or its tag; contenteditable: an element that can be edited */
  input_type?: string;
  /** autocomplete token */
  autocomplete?: string;
  /** required or aria-required */
  required?: boolean;
  /** password, card or one-time code: nothing but its existence is recorded */
  sensitive?: boolean;
  /** time in the field since its focus */
  focus_ms?: number;
  /** focus to first input */
  first_input_ms?: number;
  /** inputs made */
  keys?: number;
  /** inputs that made it shorter */
  deletions?: number;
  /** turning points of the length; bucketed for long text */
  lengths?: number[];
  /** length at the end */
  length?: number;
  /** something was pasted */
  paste?: boolean;
  /** the browser filled it */
  autofill?: boolean;
  /** the value changed since the focus */
  changed?: boolean;
  /** times it was entered again after data had been entered */
  returns?: number;
  /** pauses of 5 s or more */
  pauses?: number;
  /** emptied after 3 or more characters */
  cleared?: boolean;
  /** times the length fell to a quarter of its peak of 3 or more and rose to 3 again, since the page load */
  refills?: number;
  /** refused: native validity, aria-invalid or an error message tied to it */
  invalid?: boolean;
  /** validity flags (valueMissing, patternMismatch ...), aria, message */
  invalid_flags?: string[];
  /** still focused, after a pause */
  partial?: boolean;
  /** longest pause between two inputs since the focus; absent with fewer than two */
  longest_pause_ms?: number;
  /** choice: choices made by the visitor in this select, radio group or checkbox within the last 20 s */
  choices?: number;
  /** choice: after two or more of these it holds what it held before them */
  restored?: boolean;
  /** what made the event; blur: the page was left, too; choice: a select, radio or checkbox was changed */
  cause?: "blur" | "pause" | "submit" | "choice";
}

/** A submit, with its outcome. `t` is the submit (or the press that tried it). */
export interface FormEvent {
  type: "form";
  /** the control that submitted, or the form */
  target?: number;
  /** key of the form */
  form?: string;
  /** what submitted; script: the page, by requestSubmit() or submit() */
  how?: "click" | "enter" | "script";
  /** keys of the fields that were refused */
  invalid_fields?: string[];
  /** what became of it */
  outcome?: "navigated" | "accepted" | "refused" | "unknown";
  /** status of the request it made */
  request_status?: number;
  /** time since the first input in the form */
  since_input_ms?: number;
  /** the page ended before the outcome was final */
  cut?: boolean;
}

/** A visible message: role alert or status, aria-live, aria-errormessage, toast. */
export interface MessageEvent {
  type: "message";
  /** the element */
  target?: number;
  /** how it was recognised */
  kind?: "alert" | "status" | "live" | "field" | "toast";
  /** a guess from role, class and place */
  severity?: "error" | "warning" | "success" | "info";
  /** hash of the text with digits and quotes masked */
  hash?: string;
  /** the text, only if the site released it */
  words?: string;
  /** key of the field that it belongs to */
  field?: string;
}

/** A page view: a load or an SPA route. */
export interface PageEvent {
  type: "page";
  /** how it came */
  nav?: "load" | "reload" | "back_forward" | "bfcache" | "route";
  /** hash of the title */
  title_hash?: string;
  /** where from */
  referrer?: "none" | "same" | "foreign";
  /** path of the page before, on this site */
  from_path?: string;
  /** HTTP status of the document, where the browser tells it */
  status?: number;
  /** visible time on the page view before, in this page load or tab */
  dwell_ms?: number;
  /** names of the query's parameters */
  query_keys?: string[];
  /** values of those parameters that the site's option url_params lists */
  query?: Record<string, Scalar | Scalar[]>;
  /** the tab was visible */
  visible?: boolean;
  /** the document reloads itself (meta refresh) */
  auto_refresh?: boolean;
  /** viewport */
  width?: number;
  /** viewport */
  height?: number;
}

/** The page view ends. */
export interface LeaveEvent {
  type: "leave";
  /** a guess at how */
  kind?: "link" | "back" | "close" | "hidden" | "route";
  /** time visible */
  visible_ms?: number;
}

/** The tab was hidden or shown. */
export interface VisibilityEvent {
  type: "visibility";
  /** the new state */
  state?: "visible" | "hidden";
}

/** An uncaught script error or rejected promise. */
export interface ErrorEvent {
  type: "error";
  /** which of the two */
  kind?: "error" | "rejection";
  /** hash of the masked message and place */
  hash?: string;
  /** message; digits, quoted text and what visitors typed masked */
  message?: string;
  /** host and path of the script */
  file?: string;
  /** line */
  line?: number;
  /** column */
  column?: number;
  /** places it came through, the innermost first, at most 8: host and path of the script, line and column */
  stack?: string[];
  /** from a script of the site itself, not of an extension or third party */
  first_party?: boolean;
  /** reported by the site, not uncaught */
  handled?: boolean;
  /** the press that it followed, if its requests or 1 s link the two */
  click?: number;
}

/** console.error or console.warn; at most 50 a page load. */
export interface ConsoleEvent {
  type: "console";
  /** which of the two */
  level?: "error" | "warn";
  /** hash of the masked text */
  hash?: string;
  /** masked text, only if the site allows it */
  text?: string;
}

/** A request by fetch, XMLHttpRequest or sendBeacon. `t` is its start. */
export interface RequestEvent {
  type: "request";
  /** how */
  kind?: "fetch" | "xhr" | "beacon";
  /** HTTP method */
  method?: string;
  /** host (if foreign) and path template; ids in the path become :id */
  url?: string;
  /** HTTP status; 0 is a network failure */
  status?: number;
  /** start to end */
  duration_ms?: number;
  /** bytes, where the browser tells */
  size?: number;
  /** the press or submit that it followed within 1 s */
  click?: number;
  /** time since that press or submit */
  since_action_ms?: number;
  /** time since the visitor typed or chose something in a field, whatever was pressed since; absent above 2 s */
  since_input_ms?: number;
  /** with since_input_ms: the page had made a request to the same url before without a press, submit or input just before it, by a timer or while loading */
  unasked?: boolean;
  /** to the site's own origin */
  first_party?: boolean;
  /** aborted by the page or a navigation */
  aborted?: boolean;
  /** refused within the client, before anything was sent */
  blocked?: boolean;
}

/** An image, script or style sheet that did not load. What had not before the recorder ran is told when it starts: images, and scripts and style sheets of which the browser tells the status (not of other hosts, unless these allow it). */
export interface AssetEvent {
  type: "asset";
  /** what */
  kind?: "image" | "script" | "style" | "media";
  /** host (if foreign) and path */
  url?: string;
  /** size on the page */
  width?: number;
  /** size on the page */
  height?: number;
  /** visible when it failed */
  in_viewport?: boolean;
  /** of the site's own origin */
  first_party?: boolean;
}

/** How fast the page was, where the browser measures it. One event per measurement; only its own fields are there. */
export interface VitalsEvent {
  type: "vitals";
  /** what was measured */
  kind?: "lcp" | "inp" | "cls" | "long_task" | "route";
  /** largest contentful paint of the document, once: told at the first input, when nothing larger has come for 3 s after the load, or when the page view ends */
  lcp_ms?: number;
  /** an interaction that took 200 ms or more until the next paint; at most 100 a page load */
  inp_ms?: number;
  /** cumulative layout shift of the page view (its worst burst of at most 5 s), told at its end; left out where nothing shifted */
  cls?: number;
  /** a task that blocked the main thread for 200 ms or more; at most 100 a page load */
  long_task_ms?: number;
  /** route change of a single-page application until the last insertion, text or request before 200 ms without any, or until the next press or key; left out if it was not quiet within 20 s */
  route_ms?: number;
  /** inp: what was used */
  target?: number;
  /** long_task: time from the last press or key to its begin, 0 if it was made during the task; absent above 10 s */
  since_input_ms?: number;
  /** inp, long_task: of the very first input, made while the page was still loading */
  first_input?: boolean;
  /** lcp, route: the tab was hidden meanwhile */
  hidden?: boolean;
}

/** One leg of scrolling up or down: movement in one direction, ended by a turn, 1 s of rest, a press of the mouse or the page view's end; `t` is when that was known. Legs under 50 px are left out; at most 120 per page view. */
export interface ScrollEvent {
  type: "scroll";
  /** the scroll container; absent for the page itself */
  target?: number;
  /** where it went */
  direction?: "up" | "down";
  /** how far */
  px?: number;
  /** how far, in heights of the viewport (or container) */
  screens?: number;
  /** 0 to 1: deepest point reached on this page view */
  depth?: number;
  /** height of the content in heights of the viewport (or container) */
  pages?: number;
  /** no wheel, touch, key, scrollbar or held pointer moved it: a script, a link within the page, the search in it */
  programmatic?: boolean;
}

/** A mouse pointer that shakes (4 or more turns of at least 90 degrees within 2 s; told for 2 s at a time) or rests (3 s or more within 40 px on something pressable; told when that ends: by moving on, a press, a key, scrolling, leaving). No button was down. At most 60 of each a page load. */
export interface CursorEvent {
  type: "cursor";
  /** which of the two */
  kind?: "shake" | "rest";
  /** what was under the pointer at the end */
  target?: number;
  /** shake: turns of at least 90 degrees */
  turns?: number;
  /** shake: way travelled */
  path_px?: number;
  /** shake: distance from its begin to its end */
  net_px?: number;
  /** shake: 0 to 1, net_px of path_px */
  net_share?: number;
  /** how long */
  duration_ms?: number;
  /** shake: px per second, mean */
  speed?: number;
  /** over a canvas, video, map or another surface that cannot be observed */
  media?: boolean;
}

/** Copy, cut or paste by the visitor. Never the text. Of a sensitive field no length and no shape. */
export interface CopyEvent {
  type: "copy";
  /** which of them */
  kind?: "copy" | "cut" | "paste";
  /** where */
  target?: number;
  /** characters; bucketed above 20 */
  length?: number;
  /** kind of the place: an error (role alert, described or classed as one), another message, a field, code, a price, the rest */
  region?: "error" | "message" | "field" | "code" | "price" | "body";
  /** what the text looks like; id: an order or tracking number */
  shape?: "phone" | "email" | "id" | "other";
}

/** A swipe (30 px or more; `t` is its end), a pinch (fingers 15 % further apart or together), or a turn of the device. */
export interface GestureEvent {
  type: "gesture";
  /** which of them */
  kind?: "swipe" | "pinch" | "rotate";
  /** where it began */
  target?: number;
  /** fingers */
  touches?: number;
  /** swipe: to the right */
  dx?: number;
  /** swipe: downwards */
  dy?: number;
  /** swipe: distance */
  px?: number;
  /** pinch: distance of the fingers at the end, relative to its begin */
  zoom?: number;
  /** pinch: the page forbids zooming (viewport meta, touch-action), and did not zoom */
  blocked?: boolean;
  /** rotate: the new one */
  orientation?: "portrait" | "landscape";
  /** swipe: from its begin to the first scroll or near reaction; absent: none until 1000 ms after its end */
  answered_ms?: number;
  /** swipe: what it would scroll was at its end already; upwards and downwards the page itself counts */
  at_edge?: boolean;
  /** on a canvas, video, map or another surface that cannot be observed; pinch: or on a picture or gallery */
  media?: boolean;
}

/** A burst of keys of one class outside of text: 2 or more, each within 1 s of the one before, for at most 2 s (then another burst begins). `t` is the second press. No shortcuts. Never which character. */
export interface KeyEvent {
  type: "key";
  /** kind of the keys */
  class?: "enter" | "esc" | "tab" | "space" | "arrow" | "char";
  /** what had the focus */
  target?: number;
  /** presses; a held key counts once */
  count?: number;
  /** repeats by holding the key */
  repeats?: number;
  /** first to last press */
  span_ms?: number;
  /** the focus moved to another element */
  moved?: boolean;
  /** first near reaction to any of them, since the press before it; absent: none until 1000 ms after the last */
  answered_ms?: number;
}

/** A frame of another origin in the page is recorded too, by a snippet of the same site, and both origins are among the site's `frame_origins`. Told when both recorders run, and again when either begins another session or page load. */
export interface FrameEvent {
  type: "frame";
  /** node id of the frame's element in this recording */
  node?: number;
  /** session in which the frame is recorded */
  frame_session?: string;
  /** page load in which the frame is recorded */
  frame_load?: string;
  /** origin of the frame */
  origin?: string;
}

/** From `stolper('track', name, props)`. Conventional names: search{results, query_hash}, cart{op, total, item}, coupon{ok}, payment{result, code}, login{result}, password_reset, step{name}, goal{name}, help{channel}, error_page, order_placed{total}. */
export interface CustomEvent {
  type: "custom";
  /** name */
  name?: string;
  /** properties: numbers, booleans, short enumerations */
  props?: Record<string, Scalar | Scalar[]>;
}

/** The fields of each event, by its name. */
export interface EventFields {
  click: ClickEvent;
  field: FieldEvent;
  form: FormEvent;
  message: MessageEvent;
  page: PageEvent;
  leave: LeaveEvent;
  visibility: VisibilityEvent;
  error: ErrorEvent;
  console: ConsoleEvent;
  request: RequestEvent;
  asset: AssetEvent;
  vitals: VitalsEvent;
  scroll: ScrollEvent;
  cursor: CursorEvent;
  copy: CopyEvent;
  gesture: GestureEvent;
  key: KeyEvent;
  frame: FrameEvent;
  custom: CustomEvent;
}

export type EventName = keyof EventFields;
