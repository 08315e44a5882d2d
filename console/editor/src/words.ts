// Owns what can be written at a place: keys and values by the JSON Schema, events, fields, rule ids.

import type { Place } from "./place";

export interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  definitions?: Record<string, Schema>;
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema | boolean;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

interface FieldWords {
  type: string;
  doc: string;
  values: string[];
}

export interface Words {
  schema: Schema;
  events: Record<string, { doc: string; fields: Record<string, FieldWords> }>;
  everywhere: Record<string, FieldWords>;
  target: Record<string, FieldWords>;
  rules: Record<string, string>;
}

export interface Option {
  label: string;
  detail?: string;
  info?: string;
  kind: "key" | "value" | "event" | "field" | "rule";
}

const WHERE = new Set(["where", "when", "scope", "not", "any"]);
const RULE_LISTS = new Set(["suppresses", "rule"]);

/** Return what can be written at *place*, the likeliest kind first. */
export function optionsAt(words: Words, place: Place): Option[] {
  const found = new Map<string, Option>();
  const add = (options: Option[]) => {
    for (const one of options) if (!found.has(one.label)) found.set(one.label, one);
  };
  if (place.due === "key") {
    add(keysAt(words, place));
    for (const key of place.siblings.keys()) found.delete(key);
  } else add(valuesAt(words, place));
  return [...found.values()];
}

function keysAt(words: Words, place: Place): Option[] {
  const key = last(place.path);
  if (key !== null && WHERE.has(key)) return fieldsOf(words, place);
  const keys = schemasAt(words.schema, place.path).flatMap((schema) =>
    Object.entries(schema.properties ?? {}).map(([label, one]): Option => {
      const info = resolve(words.schema, one)
        .map((s) => s.description)
        .find(Boolean);
      return info ? { label, info, kind: "key" } : { label, kind: "key" };
    }),
  );
  const inTest = place.path[0] === "tests" && place.path.includes("events");
  return inTest ? [...keys, ...fieldsOf(words, place)] : keys;
}

function valuesAt(words: Words, place: Place): Option[] {
  const key = last(place.path);
  if (key === "event" || key === "absent" || key === "until") return eventsOf(words);
  if (key !== null && RULE_LISTS.has(key)) return rulesOf(words);
  const tested = fieldAt(words, place);
  if (tested) return tested.values.map((label): Option => ({ label, kind: "value" }));
  return schemasAt(words.schema, place.path).flatMap(valuesOf);
}

function valuesOf(schema: Schema): Option[] {
  const values = schema.enum ?? (schema.const === undefined ? [] : [schema.const]);
  const options = values.map((one): Option => ({ label: String(one), kind: "value" }));
  const bool = schema.type === "boolean" && options.length === 0;
  return bool ? ["true", "false"].map((label) => ({ label, kind: "value" })) : options;
}

function eventsOf(words: Words): Option[] {
  return Object.entries(words.events).map(([label, one]) => ({
    label,
    info: one.doc,
    kind: "event",
  }));
}

function rulesOf(words: Words): Option[] {
  return Object.entries(words.rules).map(([label, detail]) => ({ label, detail, kind: "rule" }));
}

/** Return the fields of the event that *place* is about; of all events if that is not known. */
function fieldsOf(words: Words, place: Place): Option[] {
  const asked = eventAt(words, place);
  const events = asked.length ? asked : Object.keys(words.events);
  const own = events.flatMap((name) => Object.entries(words.events[name]?.fields ?? {}));
  const parts = own
    .filter(([, field]) => field.type === "target")
    .flatMap(([name]) =>
      Object.entries(words.target).map(([part, f]): [string, FieldWords] => [`${name}.${part}`, f]),
    );
  return [...own, ...parts, ...Object.entries(words.everywhere)].map(([label, field]) => ({
    label,
    detail: field.type.length > 40 ? `${field.type.slice(0, 39)}…` : field.type,
    info: field.doc,
    kind: "field",
  }));
}

/** Return the events named by the nearest mapping around *place* that names any. */
function eventAt(words: Words, place: Place): string[] {
  for (const keys of [place.siblings, ...place.around]) {
    const value = keys.get("event") ?? keys.get("absent");
    if (value && words.events[value]) return [value];
  }
  return [];
}

/** Return the field whose test *place* is writing, `where: {pointer: …}`. */
function fieldAt(words: Words, place: Place): FieldWords | null {
  const path = place.path.filter((key) => key !== "[]");
  const above = path.findLast((key) => WHERE.has(key));
  const inTest = path[0] === "tests";
  const name = above ? path[path.lastIndexOf(above) + 1] : inTest ? path.at(-1) : undefined;
  if (!name) return null;
  const [head = "", part] = name.split(".");
  if (part && head === "target") return words.target[part] ?? null;
  const asked = eventAt(words, place);
  const events = asked.length ? asked : Object.keys(words.events);
  for (const event of events) {
    const field = words.events[event]?.fields[head];
    if (field) return field;
  }
  return words.everywhere[head] ?? null;
}

function last(path: string[]): string | null {
  return path.findLast((key) => key !== "[]") ?? null;
}

/** Return every schema that may hold at *path* of *root*. */
function schemasAt(root: Schema, path: string[]): Schema[] {
  return path.reduce<Schema[]>(
    (schemas, key) =>
      schemas.flatMap((schema) => step(schema, key).flatMap((s) => resolve(root, s))),
    resolve(root, root),
  );
}

function step(schema: Schema, key: string): Schema[] {
  if (key === "[]") return typeof schema.items === "object" ? [schema.items] : [];
  const named = schema.properties?.[key];
  if (named) return [named];
  const patterns = Object.entries(schema.patternProperties ?? {})
    .filter(([pattern]) => new RegExp(pattern).test(key))
    .map(([, one]) => one);
  const rest = schema.additionalProperties;
  return patterns.length ? patterns : typeof rest === "object" ? [rest] : [];
}

/** Return *schema* with references and alternatives spread out. */
function resolve(root: Schema, schema: Schema, depth = 0): Schema[] {
  if (depth > 8) return [];
  const name = schema.$ref?.split("/").at(-1);
  const referred = name ? (root.$defs?.[name] ?? root.definitions?.[name]) : undefined;
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  if (referred) inner.push(referred);
  if (schema.$ref === "#") inner.push(root);
  return [schema, ...inner.flatMap((one) => resolve(root, one, depth + 1))];
}
