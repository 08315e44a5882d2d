// A target: what an event happened to, described so that rules can find it again and selectors
// work on history. Everything here has passed the masking policy.

import type { Target } from "../events.gen";
import type { Privacy } from "../privacy";
import { closest, frameOf, isShadowRoot, parentOf } from "../privacy/dom";
import { enumerated } from "../privacy/keywords";
import { maskText } from "../privacy/policy";
import { nameOf, roleOf } from "./label";
import { disabled, editable, labelled, selected, why } from "./pressable";

const TEST_ATTRIBUTES = [
  "data-testid",
  "data-test",
  "data-test-id",
  "data-cy",
  "data-qa",
  "data-track",
];
const LANDMARKS =
  "dialog,[role=dialog],main,[role=main],nav,[role=navigation],header,footer,aside,form,[role=search],[role=region],section[aria-label],section[id]";
const PATH_LENGTH = 12;
const LABEL_LENGTH = 40;

type Entry = Target["path"][number];

export type Describe = (element: Element) => Target;

export function makeDescribe(
  privacy: Privacy,
  nodeId: (node: Node) => number | undefined,
): Describe {
  const { policy } = privacy;

  function safe(name: string): boolean {
    const rest = name.replace(/\d+/g, (digits) => (digits.length > 4 ? digits : ""));
    return name.length <= 60 && policy.harmless(rest);
  }

  function plain(value: string): boolean {
    return enumerated(value, policy.typed.within);
  }

  function role(element: Element): string | undefined {
    const found = roleOf(element);
    return found && plain(found) ? found : undefined;
  }

  /** Ids and classes that are made anew at every build or page load would split targets. */
  function stable(name: string): boolean {
    if (!/^[A-Za-z_][\w-]*$/.test(name) || !safe(name)) return false;
    if (/\d{4,}/.test(name)) return false;
    if (
      /^(css|sc|jsx|svelte|emotion|radix|headlessui|mui|ember|react|rc|yui|ext|ng)-.*\d/.test(name)
    )
      return false;
    const tail = name.split(/[-_]/).pop() ?? "";
    // A hash: letters and digits mixed, or capitals in the midst of lower case without a word.
    return !(
      tail.length >= 5 &&
      /\d/.test(tail) &&
      /[a-z]/i.test(tail) &&
      !/^[a-z]+\d{1,3}$/i.test(tail)
    );
  }

  function test(element: Element): string | undefined {
    for (const name of TEST_ATTRIBUTES) {
      const value = element.getAttribute(name);
      if (value && safe(value)) return value;
    }
    return undefined;
  }

  function classes(element: Element): string[] {
    return [...element.classList].filter(stable).slice(0, 8);
  }

  /** The accessible name. A placeholder is masked where an attribute would be (`clean`). */
  function named(element: Element): string | undefined {
    const hint = element.getAttribute("placeholder");
    const shown = hint && policy.presetAt(element) !== "open" ? maskText(hint) : hint;
    return nameOf(element, policy.text, shown);
  }

  /** The accessible name, in clear only if the preset releases it here. */
  function released(element: Element): string | undefined {
    const name = named(element);
    return name && policy.releases(name, element) ? policy.typed.scrub(name) : undefined;
  }

  function label(element: Element): string | undefined {
    const name = named(element);
    if (!name) return undefined;
    const text = policy.releases(name, element) ? policy.typed.scrub(name) : maskText(name);
    return text.slice(0, LABEL_LENGTH);
  }

  function step(element: Element): string {
    const tag = element.localName;
    const own = classes(element)[0];
    if (own) return `${tag}.${own}`;
    const parent = element.parentElement;
    if (!parent) return tag;
    const same = [...parent.children].filter((child) => child.localName === tag);
    return same.length > 1 ? `${tag}:nth(${same.indexOf(element) + 1})` : tag;
  }

  function key(element: Element): string {
    const marked = test(element);
    if (marked) return `[${marked}]`;
    if (element.id && stable(element.id)) return `#${element.id}`;
    const landmark = closest(parentOf(element), LANDMARKS);
    const where = landmark ? anchor(landmark) : "";
    const kind = role(element);
    const name = released(element);
    if (kind && name) return `${kind} "${name.slice(0, LABEL_LENGTH)}"${where && ` in ${where}`}`;
    const steps: string[] = [];
    for (let at: Element | null = element; at && steps.length < 4; at = parentOf(at)) {
      if (at !== element && at.id && stable(at.id)) {
        steps.unshift(`#${at.id}`);
        break;
      }
      if (at.localName === "body" || at.localName === "html") break;
      steps.unshift(step(at));
    }
    return steps.join(" > ") || element.localName;
  }

  function anchor(landmark: Element): string {
    return landmark.id && stable(landmark.id)
      ? `#${landmark.id}`
      : (role(landmark) ?? landmark.localName);
  }

  function entry(element: Element): Entry {
    const made: Entry = { tag: element.localName };
    if (element.id && safe(element.id)) made.id = element.id;
    const names = classes(element);
    if (names.length) made.classes = names;
    const role = element.getAttribute("role");
    if (role && plain(role)) made.role = role;
    const type = element.getAttribute("type");
    if (type && plain(type)) made.type = type;
    const marked = test(element);
    if (marked) made.test = marked;
    const stolper = element.getAttribute("data-stolper");
    if (stolper && plain(stolper)) made.stolper = stolper;
    const ignore = element.getAttribute("data-stolper-ignore");
    if (ignore !== null) made.ignore = ignore.split(/\s+/).filter(plain).join(" ") || "all";
    return made;
  }

  function path(element: Element): Entry[] {
    const entries: Entry[] = [];
    for (let at: Element | null = element; at && entries.length < PATH_LENGTH; at = up(at)) {
      entries.push(entry(at));
    }
    return entries;
  }

  return (element) => {
    const reason = why(element);
    const blockage =
      disabled(element) ?? (labelled(element)?.matches(":disabled") ? "attribute" : undefined);
    const target: Target = { key: key(element), tag: element.localName, path: path(element) };
    const optional: Partial<Record<keyof Target, unknown>> = {
      node: nodeId(element),
      input_type: element.localName === "input" ? (element as HTMLInputElement).type : undefined,
      role: role(element),
      label: label(element),
      interactive: reason !== undefined || undefined,
      why: reason,
      disabled: blockage !== undefined || undefined,
      disabled_why: blockage,
      selected: selected(element) || undefined,
      editable: editable(element) || undefined,
    };
    for (const [name, value] of Object.entries(optional)) {
      if (value !== undefined) Object.assign(target, { [name]: value });
    }
    return target;
  };
}

// The ancestor path follows the tree as written, not as slotted: selectors are written so.
function up(element: Element): Element | null {
  const parent = element.parentNode;
  if (isShadowRoot(parent)) return parent.host;
  return parent && parent !== document ? (element.parentElement ?? frameOf(parent)) : null;
}
