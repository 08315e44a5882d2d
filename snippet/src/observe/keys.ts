// Bursts of keys outside of text: which class, how many, and whether the page replied. Never which
// character.

import { all, type Stop } from "../guard";
import type { Replies, Reply } from "../press/reply";
import { isElement } from "../privacy/dom";
import { across } from "../roots";
import type { Emit, Facts, Open, Scope } from "../scope";
import { editable } from "../target/pressable";
import type { Mutations } from "./mutations";

type Class = NonNullable<Facts<"key">["class"]>;

const APART_MS = 1000; // a press later than that after the one before begins another burst
const LONGEST_MS = 2000; // so that `count` is a rate too
const REPLY_MS = 1000;
const MOST = 200; // bursts a page load: games are played with keys

const CLASSES: Record<string, Class> = {
  Enter: "enter",
  Escape: "esc",
  Tab: "tab",
  " ": "space",
  ArrowUp: "arrow",
  ArrowDown: "arrow",
  ArrowLeft: "arrow",
  ArrowRight: "arrow",
};

interface Burst {
  class: Class;
  element: Element;
  facts: Facts<"key">;
  first: number;
  last: number;
  pressed: number[];
  repeats: number;
  moved: boolean;
  reply: Reply;
  open: Open<"key"> | undefined; // from the second press on
  timer: Stop | undefined;
}

export function observeKeys(
  emit: Emit,
  scope: Scope,
  mutations: Mutations,
  replies: Replies,
): Stop {
  const { guard, privacy, now } = scope;
  const running = new Set<Burst>();
  let current: Burst | undefined;
  let told = 0;

  function onKey(event: KeyboardEvent): void {
    const kind = classOf(event);
    const path = event.composedPath();
    const element = path.find(isElement);
    if (!kind || !event.isTrusted || !element || editable(element)) return;
    const t = now();
    const burst = current;
    if (burst?.class === kind && event.repeat) {
      burst.repeats++;
      return;
    }
    if (event.repeat || privacy.policy.ignored(element)) return;
    const goes =
      burst?.class === kind && t - burst.last <= APART_MS && t - burst.first <= LONGEST_MS;
    if (goes) press(burst, t);
    else {
      mutations.enter(path);
      begin(kind, element, t);
    }
  }

  function begin(kind: Class, element: Element, t: number): void {
    if (current && !current.open) finish(current); // a single press is no burst
    const burst: Burst = {
      class: kind,
      element,
      facts: {},
      first: t,
      last: t,
      pressed: [t],
      repeats: 0,
      moved: false,
      reply: replies.wait(element),
      open: undefined,
      timer: undefined,
    };
    current = burst;
    running.add(burst);
    wait(burst, REPLY_MS);
  }

  function press(burst: Burst, t: number): void {
    burst.last = t;
    burst.pressed.push(t);
    if (burst.open || ++told > MOST) return;
    // Described now: the element may be gone when the burst is told.
    burst.facts = { class: burst.class, target: scope.describe(burst.element) };
    burst.open = emit.open("key", t, () => outcome(burst));
  }

  /** Over once nothing has been pressed for as long as a reply may take. */
  function wait(burst: Burst, ms: number): void {
    burst.timer = guard.later(() => {
      const left = REPLY_MS - (now() - burst.last);
      if (left > 0) wait(burst, left);
      else finish(burst);
    }, ms);
  }

  function finish(burst: Burst): void {
    burst.open?.done(outcome(burst));
    forget(burst);
  }

  function forget(burst: Burst): void {
    burst.timer?.stop();
    burst.reply.stop();
    running.delete(burst);
    if (current === burst) current = undefined;
  }

  function outcome(burst: Burst): Facts<"key"> {
    const { facts, first, last, pressed, repeats, moved, reply } = burst;
    forget(burst);
    const at = reply.at();
    const asked = at === undefined ? undefined : [...pressed].reverse().find((t) => t <= at);
    return {
      ...facts,
      count: pressed.length,
      repeats,
      span_ms: last - first,
      moved,
      ...(at === undefined || asked === undefined ? {} : { answered_ms: at - asked }),
    };
  }

  return all([
    across<KeyboardEvent>(scope, "keydown", onKey),
    across(scope, "focusin", ({ target }) => {
      if (current && target !== current.element) current.moved = true;
    }),
    {
      stop: () => {
        for (const burst of [...running]) forget(burst);
      },
    },
  ]);
}

/** Shortcuts and keys being composed are no presses of their own. */
function classOf(event: KeyboardEvent): Class | undefined {
  const { key, altKey, ctrlKey, metaKey, isComposing } = event;
  if (altKey || ctrlKey || metaKey || isComposing) return undefined;
  return CLASSES[key] ?? ([...key].length === 1 ? "char" : undefined);
}
