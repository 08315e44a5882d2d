// What waits to be sent: events, and the recording as JSON texts. Bounded: what no longer fits is a
// named gap, never silence.

import type { EventName, Target } from "../events.gen";

export interface QueuedEvent {
  i: number;
  t: number;
  type: EventName;
  view: number;
  path: string;
  fields: Record<string, unknown>;
  target?: Target | undefined;
}

export interface DomEvent {
  json: string;
  t: number;
  snapshot: boolean;
}

export interface Gap {
  kind: string;
  reason: string;
  [name: string]: string | number;
}

export interface Content {
  events: QueuedEvent[];
  dom: DomEvent[];
  void: number[];
  gaps: Gap[];
}

const EVENT_BYTES = 400; // an event with its share of targets, as measured on the demo shop

export interface Queue {
  event(event: QueuedEvent): void;
  dom(event: DomEvent): void;
  void(i: number): void;
  gap(gap: Gap): void;
  /** Everything that waits, and empties the queue; of nothing undefined, or *even* so a content. */
  take(even?: boolean): Content | undefined;
  clear(): void;
  /** Rough size in bytes of what waits. */
  size(): number;
}

/** *onGrowth*: *calm* if what came can wait for what comes next. */
export function makeQueue(
  onGrowth: (calm: boolean) => void,
  weight: (json: string) => number,
): Queue {
  let content: Content = { events: [], dom: [], void: [], gaps: [] };
  let size = 0;

  function take(even = false): Content | undefined {
    const taken = content;
    if (
      !even &&
      !taken.events.length &&
      !taken.dom.length &&
      !taken.void.length &&
      !taken.gaps.length
    ) {
      return undefined;
    }
    clear();
    return taken;
  }

  function clear(): void {
    content = { events: [], dom: [], void: [], gaps: [] };
    size = 0;
  }

  return {
    event: (event) => {
      content.events.push(event);
      size += EVENT_BYTES;
      onGrowth(event.type === "vitals");
    },
    dom: (event) => {
      content.dom.push(event);
      size += weight(event.json) + 1;
      onGrowth(false);
    },
    void: (i) => {
      content.void.push(i);
      onGrowth(false);
    },
    gap: (gap) => {
      content.gaps.push(gap);
      onGrowth(false);
    },
    take,
    clear,
    size: () => size,
  };
}
