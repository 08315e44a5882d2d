// The list of observers, and so the map of what is observed.

import { all, type Stop } from "../guard";
import { observeReplies } from "../press/reply";
import type { Emit, Scope } from "../scope";
import { type Actions, observeActions } from "./actions";
import { type Assets, observeAssets } from "./assets";
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
  assets: Assets;
}

export function observe(emit: Emit, scope: Scope): Observers {
  // Under which names errors of ours are counted.
  const at = (place: string): Scope => ({ ...scope, guard: scope.guard.at(place) });
  const press = at("press");
  const seen = at("view");
  const form = at("form");
  const net = at("net");
  const hand = at("hand");
  const actions = observeActions(press);
  // What they tell of a page view comes before it is left, and before what is pressed then.
  const view = [observeVitals(emit, seen), observeScroll(emit, seen), observeCursor(emit, seen)];
  const fields = observeFields(emit, form);
  const pages = observePages(emit, scope);
  const mutations = observeMutations(press);
  const clicks = observeClicks(emit, press, mutations);
  const replies = observeReplies(press, clicks.judge);
  const errors = observeErrors(emit, net, actions);
  const assets = observeAssets(emit, net);
  const stops = all([
    actions,
    ...view,
    mutations,
    observeVisibility(emit, scope),
    pages,
    clicks,
    replies,
    fields,
    observeForms(emit, form, fields, clicks),
    observeMessages(emit, form),
    observeRequests(emit, net, actions, fields),
    errors,
    observeConsole(emit, net),
    assets,
    observeFreezes(emit, seen),
    observeRoutes(emit, seen),
    observeCopy(emit, hand),
    observeKeys(emit, hand, mutations, replies),
    observeGestures(emit, hand, mutations, replies),
  ]);
  return { pages, errors, clicks, actions, assets, ...stops };
}
