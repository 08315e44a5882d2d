// Compiled by the test, never run: what the types allow, and what they refuse.
import { init, stolper } from "@stolper/browser";
import { caught } from "@stolper/browser/react";
import { errors } from "@stolper/browser/vue";

init({ key: "s1", base: "https://stolper.example.org", nonce: "n" });
stolper("identify", "customer-1", { segment: "gold" }, "signature");
stolper("track", "cart", { op: "add", total: 3, first: true });
stolper("error", new Error("caught"));
stolper("consent", "full");
stolper("stop");
export const session: string | undefined = stolper("session");
export const next: string | undefined = stolper("new");
export const flushed: Promise<boolean> = stolper("flush");
export const code: Promise<string | false> = stolper("code");
export const onCaughtError: (error: unknown, info: { componentStack?: string }) => void = caught();
errors.install({ config: {} });

// @ts-expect-error a site needs its server
init({ key: "s1" });
// @ts-expect-error no such call
stolper("tracked", "cart");
// @ts-expect-error nested values are not kept
stolper("track", "cart", { items: [{ id: 1 }] });
// @ts-expect-error not a level
stolper("consent", "some");
