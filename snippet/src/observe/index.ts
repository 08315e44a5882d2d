// The list of observers, and so the map of what is observed.

import { all, type Stop } from "../guard";
import type { Emit, Scope } from "../scope";
import { type Actions, observeActions } from "./actions";
import { observeAssets } from "./assets";
import { type Clicks, observeClicks } from "./clicks";
import { observeConsole } from "./console";
import { type Errors, observeErrors } from "./errors";
import { observeFields } from "./fields";
import { observeForms } from "./forms";
import { observeMessages } from "./messages";
import { observeMutations } from "./mutations";
import { observePages, type Pages } from "./pages";
import { observeRequests } from "./requests";
import { observeVisibility } from "./visibility";

export interface Observers extends Stop {
  pages: Pages;
  errors: Errors;
  clicks: Clicks;
  actions: Actions;
}

export function observe(emit: Emit, scope: Scope): Observers {
  const actions = observeActions(scope);
  const pages = observePages(emit, scope);
  const mutations = observeMutations(scope);
  const clicks = observeClicks(emit, scope, mutations);
  const fields = observeFields(emit, scope);
  const errors = observeErrors(emit, scope, actions);
  const stops = all([
    actions,
    mutations,
    observeVisibility(emit, scope),
    pages,
    clicks,
    fields,
    observeForms(emit, scope, fields, clicks),
    observeMessages(emit, scope),
    observeRequests(emit, scope, actions),
    errors,
    observeConsole(emit, scope),
    observeAssets(emit, scope),
  ]);
  return { pages, errors, clicks, actions, ...stops };
}
