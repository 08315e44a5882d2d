// What the page's calls do (docs/snippet.md).

import { type Commands, properties } from "./api";
import type { Mode } from "./config";
import type { Delivery } from "./delivery";
import type { Privacy } from "./privacy";
import type { Emit } from "./scope";
import type { Sessions } from "./session";

/** What identify said, until it has been sent. */
export interface Identified {
  identity?: Record<string, unknown> | undefined;
  segment?: string | undefined;
}

export interface CommandContext {
  privacy: Privacy;
  sessions: Sessions;
  delivery: Delivery;
  emit: Emit;
  identified: Identified;
  running(): boolean;
  /** The site caught *thrown* and reports it. */
  report(thrown: unknown): void;
  /** The visitor is there: begins another visit if this one is over. */
  active(): void;
  renew(): void;
  /** Tell now what has changed in the page. */
  tell(): void;
  stop(): void;
}

const ID = 256;
const NAME = 64;

export function makeCommands(context: CommandContext): Commands {
  const { privacy, sessions, delivery, emit, identified, running } = context;
  const { typed } = privacy.policy;

  /** The server answers only of a session that has arrived, so that is waited for. */
  const ask = async (what: string): Promise<string | false> => {
    if (!running()) return false;
    context.active();
    context.tell();
    return delivery.ask(what);
  };

  return {
    code: () => ask("code"),
    url: () => ask("url"),
    identify: (id, traits = {}, signature) => {
      if (running()) context.active();
      for (const value of Object.values(traits)) typed.trait(value);
      if (typeof traits.segment === "string") identified.segment = traits.segment.slice(0, NAME);
      identified.identity = { id: String(id).slice(0, ID) };
      if (signature) identified.identity.signature = String(signature).slice(0, ID);
      delivery.urgent();
    },
    track: (name, props) => {
      if (!running()) return;
      emit("custom", {
        name: typed.scrub(String(name).slice(0, NAME)),
        props: properties(props, typed.scrub),
      });
    },
    error: (thrown) => {
      if (running()) context.report(thrown);
    },
    consent: (level) => {
      if (level === "full" || level === "cookieless") {
        if (running() || level === "cookieless") sessions.setMode(level as Mode);
        return;
      }
      delivery.drop();
      sessions.forget();
      context.stop();
    },
    session: () => (running() ? sessions.current().session : undefined),
    flush: () => {
      context.tell();
      return delivery.flush();
    },
    new: () => {
      if (!running()) return undefined;
      context.renew();
      void delivery.flush();
      return sessions.current().session;
    },
    stop: context.stop,
  };
}
