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
const MOST = 300;

export function makeTyped(): Typed {
  const current = new WeakMap<object, string>();
  const values = new Set<string>();

  function add(text: string): void {
    const value = text.trim().toLowerCase();
    if (value.length < SHORTEST || value.length > 500) return;
    values.delete(value);
    values.add(value);
    for (const word of value.split(/[\s,;@]+/)) if (word.length > 3) values.add(word);
    for (const oldest of values) {
      if (values.size <= MOST) break;
      values.delete(oldest);
    }
  }

  function note(field: object, value: string): void {
    const before = current.get(field);
    const now = value.trim().toLowerCase();
    // While a word grows its beginnings need not be kept.
    if (before && before !== now && now.startsWith(before)) values.delete(before);
    current.set(field, now);
    add(now);
  }

  function within(text: string): boolean {
    if (!values.size || text.length < SHORTEST) return false;
    const low = text.toLowerCase();
    for (const value of values) if (low.includes(value)) return true;
    return false;
  }

  function scrub(text: string): string {
    if (!within(text)) return text;
    let low = text.toLowerCase();
    if (low.length !== text.length) return "•".repeat(text.length);
    let result = text;
    const longest = [...values].sort((a, b) => b.length - a.length);
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
    trait: (value) => {
      if (typeof value === "string" || typeof value === "number") add(String(value));
    },
    within,
    scrub,
  };
}
