// React: errors that an error boundary caught never reach the window, so the snippet cannot see
// them. Those that no boundary caught it sees by itself, and routes too.

import { stolper } from "./index.js";

type OnError<I> = (error: unknown, info: I) => void;

/**
 * Make the option `onCaughtError` of `createRoot` and `hydrateRoot`.
 *
 * The error is told as handled, then given to *next*; without one it is logged, as React does.
 */
export function caught<I>(next: OnError<I> = (error) => console.error(error)): OnError<I> {
  return (error, info) => {
    stolper("error", error);
    next(error, info);
  };
}
