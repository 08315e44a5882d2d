// A list of listeners: how observers tell each other what they saw without knowing each other.

import type { Stop } from "./guard";

export interface Signal<T> {
  on(listener: (value: T) => void): Stop;
  send(value: T): void;
}

export function signal<T>(): Signal<T> {
  const listeners = new Set<(value: T) => void>();
  return {
    on: (listener) => {
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    send: (value) => {
      for (const listener of [...listeners]) listener(value);
    },
  };
}
