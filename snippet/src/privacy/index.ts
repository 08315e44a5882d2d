// Masking happens before anything is queued: one policy, used by the recording and the events.

import type { Preset } from "../config";
import { type Attributes, makeAttributes } from "./attributes";
import { makePolicy, type Policy } from "./policy";
import { makeTyped } from "./typed";
import { makeUrls, type Urls } from "./url";

export interface Privacy {
  policy: Policy;
  urls: Urls;
  attributes: Attributes;
}

export function makePrivacy(preset: Preset): Privacy {
  const typed = makeTyped();
  const policy = makePolicy(preset, typed);
  const urls = makeUrls(typed.within);
  return { policy, urls, attributes: makeAttributes(policy, urls) };
}
