// The DOM recorder that wraps @rrweb/record, with the pass over its events. Nobody is served it: it
// is built to be compared with our own on the same pages (node snippet/build.mjs --recorder=rrweb).

import { record } from "@rrweb/record";
import type { eventWithTime } from "@rrweb/types";
import { all, type Guard, type Stop } from "./guard";
import { makePass } from "./privacy/pass";
import { isSensitive } from "./privacy/sensitive";
import type { Recorder, RecorderOptions } from "./record";

// Named one by one: `maskAllInputs: true` would replace them by a list without hidden.
const INPUT_TYPES = [
  "color",
  "date",
  "datetime-local",
  "email",
  "month",
  "number",
  "range",
  "search",
  "tel",
  "text",
  "time",
  "url",
  "week",
  "textarea",
  "select",
  "password",
  "hidden",
  "file",
  "image",
];

const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const INPUT = 5;

const recordedId = (node: Node): number | undefined => {
  const id = record.mirror.getId(node);
  return id > 0 ? id : undefined;
};

const recordedNode = (id: number): Node | null => record.mirror.getNode(id);

export function makeRecorder(options: RecorderOptions): Recorder {
  const { guard, privacy, now, sheetText } = options;
  const { policy } = privacy;
  const pass = makePass({ ...privacy, nodeOf: recordedNode, sheetText });
  let stopRecording: (() => void) | undefined;

  const mask = guard(policy.input);
  // rrweb asks for the mask of every value that is set; its own events do not tell of a value that
  // masks like the one before. Compared here, never told.
  const values = new WeakMap<Element, string>();
  let snapshotting = false;

  const changed = guard((text: string, field: Element) => {
    if ((values.get(field) ?? "") === text) return;
    values.set(field, text);
    // The observers hear the page's own document only.
    if (
      field.ownerDocument !== document &&
      !/^(checkbox|radio)$/.test((field as HTMLInputElement).type)
    ) {
      policy.typed.note(field, text);
    }
    if (!snapshotting) options.onInput(field);
  });

  function quietly(take: () => void): void {
    snapshotting = true;
    try {
      take();
    } finally {
      snapshotting = false;
    }
  }

  const onEvent = guard((event: eventWithTime) => {
    const data = event.data as { source?: number; id?: number };
    const type = event.type as number;
    if (type === INCREMENTAL && data.source === INPUT) options.onInput(recordedNode(data.id ?? 0));
    if (!pass(event)) return;
    const t = now();
    event.timestamp = t;
    options.emit({ json: JSON.stringify(event), t, snapshot: type === FULL_SNAPSHOT });
  });

  const styles = watchStyles(guard);

  return {
    start: () => {
      styles.start();
      quietly(() => {
        stopRecording = record({
          emit: onEvent,
          blockSelector: policy.selectors.block,
          ignoreSelector: policy.selectors.ignore,
          maskAllInputs: false,
          maskInputOptions: Object.fromEntries(INPUT_TYPES.map((type) => [type, true])),
          maskInputFn: (text, field) => {
            changed(text, field);
            return isSensitive(field) ? "" : (mask(text, field) ?? "");
          },
          slimDOMOptions: "all",
          inlineStylesheet: true,
          recordCanvas: false,
          recordCrossOriginIframes: false,
          collectFonts: false,
          inlineImages: false,
          sampling: { mousemove: 50, scroll: 150, media: 800 },
          errorHandler: (error: unknown) => {
            // The page's own calls (insertRule with a bad rule) run inside rrweb's wrappers: what the
            // browser throws at them goes on to the page, what rrweb does wrong does not.
            if (styles.threw(error)) return false;
            guard.count();
            return true;
          },
        } as Parameters<typeof record>[0]);
      });
      options.complete();
    },
    snapshot: () => {
      if (stopRecording) quietly(() => record.takeFullSnapshot(true));
    },
    flush: () => {}, // nothing waits
    nodeId: recordedId,
    stop: () => {
      stopRecording?.();
      stopRecording = undefined;
      styles.stop();
    },
  };
}

const PATCHED: [string, string[]][] = [
  ["CSSStyleSheet", ["insertRule", "deleteRule", "replace", "replaceSync"]],
  ["CSSStyleDeclaration", ["setProperty", "removeProperty"]],
  ["CSSGroupingRule", ["insertRule", "deleteRule"]],
];

/**
 * The style methods that rrweb wraps, below its wrappers: which errors are the browser's answer to
 * the page, and the two old methods that rrweb replaces and does not give back.
 */
function watchStyles(guard: Guard): Stop & { start(): void; threw(error: unknown): boolean } {
  const answers = new WeakSet<object>();
  let stops: Stop = all([]);

  function owner(name: string): object | undefined {
    const type = (window as unknown as Record<string, { prototype?: object } | undefined>)[name];
    return type?.prototype;
  }

  function keep(name: string): Stop {
    const sheet = owner("CSSStyleSheet");
    const own = sheet && Object.getOwnPropertyDescriptor(sheet, name);
    return {
      stop: () => {
        if (sheet && own) Object.defineProperty(sheet, name, own);
      },
    };
  }

  const note = () => (_result: unknown, error?: unknown) => {
    if (typeof error === "object" && error) answers.add(error);
  };

  return {
    start: () => {
      stops = all([
        keep("addRule"),
        keep("removeRule"),
        ...PATCHED.flatMap(([type, names]) =>
          names.map((name) => guard.patch(owner(type), name, note)),
        ),
      ]);
    },
    threw: (error) =>
      (typeof error === "object" && error !== null && answers.has(error)) ||
      !(error instanceof Error) || // of a frame's realm: rrweb's own are of ours
      error instanceof DOMException,
    stop: () => stops.stop(),
  };
}
