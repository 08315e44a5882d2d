// What the visitor typed, kept in memory only, so that no label, message, title, error or URL
// repeats it. Also the traits given to identify.

export interface Typed {
  /** The visitor's own input in a field. */
  note(field: object, value: string): void;
  /** A value that is personal whoever entered it (identify). */
  trait(value: unknown): void;
  /** The text holds something typed or a trait. */
  within(text: string): boolean;
  /** The same text with what was typed blacked out; the length stays. */
  scrub(text: string): string;
}

const SHORTEST = 3; // one or two characters stand in every text
const MOST = 1000;

export function makeTyped(): Typed {
  const current = new WeakMap<object, string>();
  const values = new Set<string>();

  const traits = new Set<string>(); // never forgotten
  function add(text: string, kept = values): void {
    const value = text.trim().toLowerCase().slice(0, 5000);
    for (const one of [value, ...value.split(/[\s,;@]+/).filter((word) => word.length > 3)]) {
      if (one.length < SHORTEST || one.length > 200) continue;
      kept.delete(one);
      kept.add(one);
    }
    for (const oldest of values) {
      if (values.size <= MOST) break;
      values.delete(oldest);
    }
  }

  function note(field: object, value: string): void {
    const now = value.trim().toLowerCase();
    const before = current.get(field) ?? "";
    // While a word grows its beginnings need not be kept: within() finds them in the whole one.
    if (before && now.startsWith(before)) {
      values.delete(before);
      const word = before.split(/[\s,;@]+/).pop() ?? "";
      if (now.length > before.length && !/[\s,;@]/.test(now[before.length] ?? " "))
        values.delete(word);
    }
    current.set(field, now);
    add(now);
  }

  function trait(value: unknown, depth = 0): void {
    if (typeof value === "string" || typeof value === "number") add(String(value), traits);
    else if (value && typeof value === "object" && depth < 4) {
      for (const one of Object.values(value).slice(0, 100)) trait(one, depth + 1);
    }
  }

  function within(text: string): boolean {
    if (!(values.size + traits.size) || text.length < SHORTEST) return false;
    const low = text.toLowerCase();
    for (const value of [...traits, ...values]) if (low.includes(value)) return true;
    const begun = low.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 3);
    for (const value of values) if (begun.some((word) => value.startsWith(word))) return true;
    return false;
  }

  function scrub(text: string): string {
    if (!within(text)) return text;
    let low = text.toLowerCase();
    if (low.length !== text.length) return "•".repeat(text.length);
    let result = text;
    const longest = [...traits, ...values].sort((a, b) => b.length - a.length);
    for (const value of longest) {
      for (let at = low.indexOf(value); at >= 0; at = low.indexOf(value, at + value.length)) {
        const cover = "•".repeat(value.length);
        result = result.slice(0, at) + cover + result.slice(at + value.length);
        low = low.slice(0, at) + cover + low.slice(at + value.length);
      }
    }
    return result;
  }

  return {
    note,
    trait,
    within,
    scrub,
  };
}
