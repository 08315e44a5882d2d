// The list of observers, and so the map of what is observed.

import { all, type Stop } from "../guard";
import { observeReplies } from "../press/reply";
import type { Emit, Scope } from "../scope";
import { type Actions, observeActions } from "./actions";
import { observeAssets } from "./assets";
import { type Clicks, observeClicks } from "./clicks";
import { observeConsole } from "./console";
import { observeCopy } from "./copy";
import { observeCursor } from "./cursor";
import { type Errors, observeErrors } from "./errors";
import { observeFields } from "./fields";
import { observeForms } from "./forms";
import { observeFreezes } from "./freezes";
import { observeGestures } from "./gestures";
import { observeKeys } from "./keys";
import { observeMessages } from "./messages";
import { observeMutations } from "./mutations";
import { observePages, type Pages } from "./pages";
import { observeRequests } from "./requests";
import { observeRoutes } from "./routes";
import { observeScroll } from "./scroll";
import { observeVisibility } from "./visibility";
import { observeVitals } from "./vitals";

export interface Observers extends Stop {
  pages: Pages;
  errors: Errors;
  clicks: Clicks;
  actions: Actions;
}

export function observe(emit: Emit, scope: Scope): Observers {
  const actions = observeActions(scope);
  // What they tell of a page view comes before it is left, and before what is pressed then.
  const view = [observeVitals(emit, scope), observeScroll(emit, scope), observeCursor(emit, scope)];
  const pages = observePages(emit, scope);
  const mutations = observeMutations(scope);
  const clicks = observeClicks(emit, scope, mutations);
  const replies = observeReplies(scope, clicks.judge);
  const fields = observeFields(emit, scope);
  const errors = observeErrors(emit, scope, actions);
  const stops = all([
    actions,
    ...view,
    mutations,
    observeVisibility(emit, scope),
    pages,
    clicks,
    replies,
    fields,
    observeForms(emit, scope, fields, clicks),
    observeMessages(emit, scope),
    observeRequests(emit, scope, actions),
    errors,
    observeConsole(emit, scope),
    observeAssets(emit, scope),
    observeFreezes(emit, scope),
    observeRoutes(emit, scope),
    observeCopy(emit, scope),
    observeKeys(emit, scope, mutations, replies),
    observeGestures(emit, scope, mutations, replies),
  ]);
  return { pages, errors, clicks, actions, ...stops };
}
