// Submits and what became of them: by the browser's own validation, by navigation, by the request
// that a script made, by messages that appeared.

import { all, type Stop } from "../guard";
import { closest } from "../privacy/dom";
import { across, type Hook, hear } from "../roots";
import type { Emit, Facts, Open, RequestStart, Scope } from "../scope";
import type { Clicks } from "./clicks";
import type { Fields } from "./fields";
import { formKey } from "./fieldstate";
import { refusals } from "./validity";

const OUTCOME_MS = 2000; // messages of a refusal have appeared by then
const LONGEST_MS = 10_000; // a request may take longer; then the outcome is unknown
const NATIVE_MS = 50;
const ENTER_MS = 500;

interface Submit {
  form: HTMLFormElement;
  t: number;
  open: Open<"form">;
  facts: Facts<"form">;
  requests: RequestStart[];
  before: Set<string>; // fields refused already
  refused: boolean; // an error message or aria-invalid appeared
  leaving: boolean;
  prevented: boolean;
  resumed: boolean; // the page held it back and let it go later
  timers: Stop[];
}

export function observeForms(emit: Emit, scope: Scope, fields: Fields, clicks: Clicks): Stop {
  const { guard, privacy, signals, now } = scope;
  let open: Submit[] = [];
  let enterAt = Number.NEGATIVE_INFINITY;
  let invalidOf: HTMLFormElement | undefined;

  function how(
    submitter: Element | null,
    t: number,
    trusted: boolean,
  ): NonNullable<Facts<"form">["how"]> {
    if (t - enterAt <= ENTER_MS) return "enter";
    return trusted && submitter ? "click" : "script";
  }

  function base(
    form: HTMLFormElement,
    submitter: Element | null,
    t: number,
    trusted: boolean,
  ): Facts<"form"> {
    const key = formKey(form, privacy);
    const begun = fields.firstInput(form);
    return {
      target: scope.describe(submitter ?? form),
      ...(key ? { form: key } : {}),
      how: how(submitter, t, trusted),
      ...(begun === undefined ? {} : { since_input_ms: Math.max(0, t - begun) }),
    };
  }

  function refusedNow(form: HTMLFormElement): Set<string> {
    const names = new Set<string>();
    for (const [at, field] of [...form.elements].entries()) {
      const flags = refusals(field as HTMLInputElement).filter(
        (flag) => flag === "aria" || flag === "message",
      );
      if (flags.length) names.add(String(at));
    }
    return names;
  }

  function onSubmit(event: SubmitEvent): void {
    begin(
      event.target as HTMLFormElement,
      event.submitter,
      event.isTrusted,
      () => event.defaultPrevented,
    );
  }

  function begin(
    form: HTMLFormElement,
    submitter: Element | null,
    trusted: boolean,
    prevented: () => boolean,
  ): void {
    if (form?.localName !== "form" || privacy.policy.ignored(form)) return;
    const t = now();
    const submit: Submit = {
      form,
      t,
      open: emit.open("form", t, () => ended(submit, true)),
      facts: base(form, submitter, t, trusted),
      requests: [],
      before: refusedNow(form),
      refused: false,
      leaving: false,
      prevented: false,
      resumed: false,
      timers: [],
    };
    open.push(submit);
    const press = clicks.pressOf(t);
    signals.action.send({ i: submit.open.i, t, kind: "form", leads: true, press });
    submit.timers.push(
      guard.later(() => {
        submit.prevented = prevented() && !submit.resumed;
      }, 0),
      guard.later(() => settle(submit), OUTCOME_MS),
    );
  }

  /** Decide once the window is over and no request of the submit runs any more. */
  function settle(submit: Submit): void {
    const running = submit.requests.some((request) => !request.done);
    const age = now() - submit.t;
    if ((running || (!submit.prevented && !submit.requests.length)) && age < LONGEST_MS) {
      submit.timers.push(guard.later(() => settle(submit), 500));
      return;
    }
    submit.open.done(ended(submit, false));
  }

  function ended(submit: Submit, cut: boolean): Facts<"form"> {
    open = open.filter((one) => one !== submit);
    for (const timer of submit.timers) timer.stop();
    const { facts, form, before } = submit;
    const statuses = submit.requests
      .map(({ done }) => done?.status)
      .filter((code): code is number => code !== undefined && code >= 0);
    const worst = statuses.includes(0) ? 0 : Math.max(-1, ...statuses);
    if (worst >= 0) facts.request_status = worst;
    const fresh = [...refusedNow(form)].some((at) => !before.has(at));
    const still =
      submit.refused ||
      fresh ||
      (before.size > 0 && refusedNow(form).size > 0 && form.isConnected && submit.prevented);
    if (submit.leaving) facts.outcome = "navigated";
    else if (still || worst === 0 || worst >= 400) facts.outcome = "refused";
    else if (worst >= 200) facts.outcome = "accepted";
    else facts.outcome = gone(form) ? "accepted" : "unknown";
    if (facts.outcome === "refused" && form.isConnected) {
      const names = fields.refuse(form, now());
      if (names.length) facts.invalid_fields = names;
    }
    if (cut && facts.outcome === "unknown") facts.cut = true;
    return facts;
  }

  function navigated(which: (submit: Submit) => boolean): void {
    for (const submit of open.filter(which)) {
      submit.leaving = true;
      submit.open.done(ended(submit, false));
    }
  }

  /** Without a request: the form made way for what comes next, or was emptied. */
  function gone(form: HTMLFormElement): boolean {
    return !form.isConnected || form.getClientRects().length === 0;
  }

  /** The browser refuses: an `invalid` event for each field, and no submit. */
  function onInvalid(event: Event): void {
    const field = event.target as HTMLInputElement;
    const form = field.form;
    if (!form || invalidOf === form || privacy.policy.ignored(form)) return;
    const t = now();
    const press = clicks.pressOf(t);
    const byEnter = t - enterAt <= ENTER_MS;
    if (press === undefined && !byEnter) return; // a script asked for validity: nobody submitted
    invalidOf = form;
    const submitter = form.querySelector("button:not([type=button]),input[type=submit]");
    const facts = base(form, submitter, t, true);
    const waiting = emit.open("form", t, () => ({ ...facts, outcome: "refused" as const }));
    guard.later(() => {
      invalidOf = undefined;
      const names = fields.refuse(form, t);
      waiting.done({
        ...facts,
        outcome: "refused",
        ...(names.length ? { invalid_fields: names } : {}),
      });
    }, NATIVE_MS);
  }

  // No event tells of it. After a submit that the page held back it is that submit, going on.
  const hook: Hook = (view, { patch }) =>
    patch(view.HTMLFormElement.prototype, "submit", (self) => {
      const form = self as HTMLFormElement;
      const held = open.find((one) => one.form === form);
      if (held) Object.assign(held, { prevented: false, resumed: true });
      else begin(form, null, false, () => false);
    });
  scope.roots.frames(hook);

  return all([
    across<KeyboardEvent>(scope, "keydown", (event) => {
      if (event.key === "Enter") enterAt = now();
    }),
    across(scope, "pointerdown", () => {
      enterAt = Number.NEGATIVE_INFINITY;
    }),
    hear<SubmitEvent>(scope, "submit", onSubmit),
    hear(scope, "invalid", onInvalid),
    hook(window, guard),
    signals.requestStart.on((request) => {
      const submit = open.find((one) => request.action?.i === one.open.i);
      if (submit && request.awaited) submit.requests.push(request);
    }),
    signals.message.on(({ t, severity, element }) => {
      if (severity !== "error") return;
      for (const submit of open) {
        const own = submit.form.contains(element) || closest(element, "form") === null;
        if (own && t - submit.t <= LONGEST_MS) submit.refused = true;
      }
    }),
    signals.navigation.on(() => navigated(() => true)),
    scope.roots.left.on((left) => navigated(({ form }) => form.ownerDocument === left)),
    signals.leaving.on(() => {
      for (const submit of open) submit.leaving = true;
    }),
  ]);
}
