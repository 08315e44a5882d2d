// Vue: errors in components and their handlers end in Vue's own handler, so the snippet cannot see
// them. Routes it sees by itself.

import { stolper } from "./index.js";

// biome-ignore lint/suspicious/noExplicitAny: Vue's own types, which this must not import
type Handler = (error: unknown, instance: any, info: string) => void;

interface App {
  config: { errorHandler?: Handler | undefined };
}

/**
 * A plugin: `app.use(errors)`, after the application's own `errorHandler` was set.
 *
 * An error is told as handled, then given to that handler; without one it is logged, as Vue does.
 */
export const errors = {
  install(app: App): void {
    const next: Handler = app.config.errorHandler ?? ((error) => console.error(error));
    app.config.errorHandler = (error, instance, info) => {
      stolper("error", error);
      next(error, instance, info);
    };
  },
};
