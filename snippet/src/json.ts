// JSON as the language has it, also where a page taught its arrays and texts to write themselves
// (prototype.js and its kin: `Array.prototype.toJSON`).

const OWNERS = [Object.prototype, Array.prototype, String.prototype];

type Spoilt = { toJSON?: unknown };

/** JSON of *value*. The page's own `toJSON` are out of the way for that moment. */
export function toJson(value: unknown): string {
  // Called for every text of a page: both inherit from Object.prototype, too.
  const spoilt =
    (Array.prototype as Spoilt).toJSON !== undefined ||
    (String.prototype as Spoilt).toJSON !== undefined;
  return spoilt ? unspoilt(value) : JSON.stringify(value);
}

function unspoilt(value: unknown): string {
  const kept: [object, PropertyDescriptor][] = [];
  try {
    for (const owner of OWNERS) {
      const own = Object.getOwnPropertyDescriptor(owner, "toJSON");
      if (own && Reflect.deleteProperty(owner, "toJSON")) kept.push([owner, own]);
    }
    return JSON.stringify(value);
  } finally {
    for (const [owner, own] of kept) Object.defineProperty(owner, "toJSON", own);
  }
}
