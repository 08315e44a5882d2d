// Masking happens before anything is queued: one policy, used by the recording and the events.

import type { Config } from "../config";
import { type Attributes, makeAttributes } from "./attributes";
import { makePolicy, type Policy } from "./policy";
import { makeSelectors } from "./selectors";
import { makeTyped } from "./typed";
import { makeUrls, type Urls } from "./url";

export interface Privacy {
  policy: Policy;
  urls: Urls;
  attributes: Attributes;
}

/** What a site's configuration says of privacy. */
export type PrivacyConfig = Pick<Config, "privacy" | "options">;

export function makePrivacy({ privacy, options }: PrivacyConfig): Privacy {
  const typed = makeTyped();
  const policy = makePolicy(privacy, typed, makeSelectors(options ?? {}));
  const urls = makeUrls(typed.within, options?.url_params);
  const attributes = makeAttributes(policy, urls, options?.images === "placeholder");
  return { policy, urls, attributes };
}
